"""The one conformance test of number formats: a new format names itself and its oracles."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.numerics import NumberFormat, find_format

from .bench import Codec, check_decoder, check_encoder, check_verilog
from .oracles import Oracle, exact_float

Probes = tuple[NDArray[np.float64], NDArray[np.int64]]
_PROBES: dict[tuple[type, NumberFormat], Probes] = {}  # costly in rational arithmetic
_VALUES: dict[tuple[type, NumberFormat], list[Fraction | str]] = {}


class FormatConformance:
    """Inherit, and give `format`, `value` and `nan_code`; `library` where another codec exists.

    `value(code)` is the exact value by the standard's definition, ``"nan"`` or ``"inf"``;
    `tie(low, high)` the value halfway between two neighbouring codes of positive values, as the
    standard rounds. Then every code is decoded and encoded, with the values halfway, just beside
    halfway, too large, too small and special, by the NumPy codec, and by the generated hardware
    (above 8 bits: corners and samples).
    """

    format: NumberFormat
    library: Oracle | None = None
    rounds_to_zero = True
    """Whether numbers below half the smallest value become zero."""

    # -- what a format's test states -------------------------------------------------------------

    def value(self, code: int) -> Fraction | str:
        raise NotImplementedError

    def tie(self, low: int, high: int) -> Fraction:
        return (self.rational(low) + self.rational(high)) / 2

    def too_large(self, negative: bool) -> int:
        """Code of numbers above `limit`; at it too, if that tie is even."""
        return self.largest_code(negative)

    def infinity(self, negative: bool) -> int:
        return self.too_large(negative)

    def limit(self, negative: bool) -> Fraction:
        """Magnitude above which numbers become `too_large`; a saturating format has none."""
        return abs(self.rational(self.largest_code(negative)))

    def nan_code(self) -> int:
        raise NotImplementedError

    def negative_zero(self) -> int:
        return 0

    # -- helpers ---------------------------------------------------------------------------------

    @property
    def values(self) -> list[Fraction | str]:
        """The exact value of every code."""
        key = (type(self), self.format)
        if key not in _VALUES:
            _VALUES[key] = [self.value(code) for code in range(1 << self.format.bits)]
        return _VALUES[key]

    def rational(self, code: int) -> Fraction:
        value = self.values[code]
        assert isinstance(value, Fraction)
        return value

    def ordered(self, negative: bool) -> list[int]:
        """All codes of finite values of one sign, by magnitude, zero first."""
        finite = [
            (abs(value.numerator / value.denominator), code)
            for code, value in enumerate(self.values)
            if isinstance(value, Fraction) and value and (value < 0) == negative
        ]
        return [0, *(code for _, code in sorted(finite))]

    def largest_code(self, negative: bool) -> int:
        return self.ordered(negative)[-1]

    def probes(self) -> Probes:
        """Values with the codes that they must get."""
        key = (type(self), self.format)
        if key not in _PROBES:
            _PROBES[key] = self._probes()
        return _PROBES[key]

    def _probes(self) -> Probes:
        values: list[float] = [np.nan, np.inf, -np.inf, 0.0, -0.0]
        codes = [self.nan_code(), self.infinity(False), self.infinity(True)]
        codes += [0, self.negative_zero()]
        for negative in (False, True):
            ordered = self.ordered(negative)
            zero = self.negative_zero() if negative else 0
            for low, high in itertools.pairwise(ordered):
                tie = exact_float(self.tie(low, high))
                low_code = (low or zero) if low or self.rounds_to_zero else high
                even = low_code if low % 2 == 0 else high
                values += [tie, np.nextafter(tie, 0), np.nextafter(tie, tie * 2)]
                codes += [even, low_code, high]
                values.append(exact_float(self.rational(high)))
                codes.append(high)
            sign = -1 if negative else 1
            limit = exact_float(self.limit(negative)) * sign
            tiny = zero if self.rounds_to_zero else ordered[1]
            values += [sign * 5e-324, sign * 1e-300, sign * 1e300, limit, limit * (1 + 2**-52)]
            at_limit = self.too_large(negative) if ordered[-1] % 2 else ordered[-1]
            codes += [tiny, tiny, self.too_large(negative), at_limit, self.too_large(negative)]
            values.append(np.nextafter(limit, 0))
            codes.append(self.largest_code(negative))
        return np.array(values), np.array(codes)

    # -- NumPy codec -----------------------------------------------------------------------------

    def test_every_code_decodes(self) -> None:
        codes = self.format.codes
        found = self.format.decode(codes)
        for code, value in zip(codes.tolist(), found.tolist(), strict=True):
            expected = self.values[code]
            if isinstance(expected, Fraction):
                assert value == exact_float(expected), hex(code)
            else:
                assert (np.isnan if expected == "nan" else np.isinf)(value), hex(code)
        if self.library is not None:
            np.testing.assert_array_equal(found, self.library.decode(codes))
            zero = found == 0
            signs = np.signbit(self.library.decode(codes))
            np.testing.assert_array_equal(np.signbit(found)[zero], signs[zero])

    def test_every_code_is_its_exact_parts(self) -> None:
        format = self.format
        parts = format.parts(format.codes)
        some = ~(parts.zero | parts.inf | parts.nan)
        assert parts.significand.max() < 1 << format.significand_bits
        assert parts.scale[some].min() >= format.min_scale
        assert parts.scale[some].max() <= format.max_scale
        units = np.ldexp(format.decode(format.codes), -format.quantum)[some]
        np.testing.assert_array_equal(units, np.rint(units))
        assert not parts.significand[~some].any()

    def test_every_code_survives(self) -> None:
        values = self.format.decode(self.format.codes)
        finite = np.isfinite(values)
        codes = self.format.encode(values)
        np.testing.assert_array_equal(codes[finite], self.format.codes[finite])
        assert (codes[np.isnan(values)] == self.nan_code()).all()

    def test_every_halfway_value_encodes(self) -> None:
        values, codes = self.probes()
        np.testing.assert_array_equal(self.format.encode(values), codes)
        assert self.format.encode(values).dtype == self.format.code_type

    def test_library_encodes_alike(self) -> None:
        if self.library is None:
            pytest.skip("no library has this format; rational arithmetic stands for it")
        values, _ = self.probes()
        random = np.random.default_rng(5).normal(size=20_000) * self.format.largest**0.5
        with np.errstate(over="ignore", under="ignore"):
            single = np.concatenate([values, random]).astype(np.float32).astype(np.float64)
        for sample in (values, random, single):
            numbers = self.comparable(sample)
            theirs = self.library.encode(numbers)
            asked = theirs >= 0
            np.testing.assert_array_equal(self.format.encode(numbers)[asked], theirs[asked])

    def comparable(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values on which the library and the standard's mode agree to agree."""
        return values

    def test_long_integers_round_once(self) -> None:
        values, codes = self.probes()
        finite = np.isfinite(values) & (np.abs(values) < 1e200) & (np.abs(values) > 1e-200)
        sample = np.flatnonzero(finite)[:: max(1, int(finite.sum()) // 3000)]
        ratios = [Fraction(value) for value in values[sample].tolist()]
        integers = [int(ratio * 2**700) for ratio in ratios]
        found = self.format.encode_exact(np.array(integers, dtype=object), -700)
        np.testing.assert_array_equal(found, codes[sample])

    # -- hardware --------------------------------------------------------------------------------

    def test_hardware_decodes(self) -> None:
        check_decoder(self.format)

    def test_hardware_encodes(self) -> None:
        check_encoder(self.format, *self.probes())

    def test_hardware_builds(self, tmp_path: Any) -> None:
        check_verilog(Codec(self.format), tmp_path)

    def test_name_finds_it(self) -> None:
        assert find_format(self.format.name) == self.format

    def test_narrow_inputs_are_refused(self) -> None:
        need = self.format.significand_bits + 1
        with pytest.raises(ConfigError, match=f"use {need} or more"):
            self.format.normalised(need - 1, 12)
        with pytest.raises(ConfigError, match=r"scale_bits=0 .* or more"):
            self.format.normalised(need, 0)
