"""Every code of every format, by NumPy and by hardware, against independent arithmetic."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any, ClassVar

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from hw.numerics import Minifloat, NumberFormat, Posit, TwosComplement, find_format

from .conformance import FormatConformance
from .oracles import MlDtypes, SoftPosit, float_value, integer_value, posit_value


class Integers(FormatConformance):
    format: TwosComplement

    def value(self, code: int) -> Fraction:
        return integer_value(code, self.format.bits, self.format.fraction_bits)

    def nan_code(self) -> int:
        return 0


class Floats(FormatConformance):
    format: Minifloat

    def value(self, code: int) -> Fraction | str:
        format = self.format
        return float_value(code, format.exponent_bits, format.mantissa_bits, format.specials)

    def negative_zero(self) -> int:
        return 1 << (self.format.bits - 1)

    def nan_code(self) -> int:
        return {"fp8_e4m3": 0x7F, "fp8_e5m2": 0x7E, "bf16": 0x7FC0, "fp16": 0x7E00}.get(
            self.format.name, 0
        )

    def comparable(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """ml_dtypes overflows where OCP's saturating mode clamps; NaN keep a sign there."""
        if self.format.saturate:
            values = np.clip(values, -self.format.largest, self.format.largest)
        return values[~np.isnan(values)]


class Overflowing(Floats):
    """Formats that have a code for what is too large."""

    def too_large(self, negative: bool) -> int:
        code = self.largest_code(False) + 1
        if self.format.specials == "fn":
            return code  # NaN
        return code + negative * self.negative_zero()

    def comparable(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """NaN keep a sign in ml_dtypes."""
        numbers = values[~np.isnan(values)]
        return numbers[numbers > -self.format.largest] if self.format.specials == "fn" else numbers

    def limit(self, negative: bool) -> Fraction:
        largest = self.rational(self.largest_code(False))
        below = self.rational(self.largest_code(False) - 1)
        return largest + (largest - below) / 2


class Posits(FormatConformance):
    format: Posit
    rounds_to_zero = False

    def value(self, code: int) -> Fraction | str:
        return posit_value(code, self.format.bits, self.format.es)

    def tie(self, low: int, high: int) -> Fraction:
        """The posit one bit longer whose string lies between the two."""
        if low == 0:
            return self.rational(high) / 2
        between = (low + high) % (1 << (self.format.bits + 1))
        value = posit_value(between, self.format.bits + 1, self.format.es)
        assert isinstance(value, Fraction)
        return value

    def nan_code(self) -> int:
        return 1 << (self.format.bits - 1)

    def infinity(self, negative: bool) -> int:
        return self.nan_code()


class TestIntegers(Integers):
    @pytest.fixture(autouse=True, params=range(2, 17))
    def _every_width(self, request: Any) -> None:
        self.format = TwosComplement(bits=request.param)


class TestMxInt8(Integers):
    format = find_format("int8_frac6")


class TestFp4(Floats):
    format = find_format("fp4_e2m1")
    library = MlDtypes(ml_dtypes.float4_e2m1fn)


class TestFp6E2M3(Floats):
    format = find_format("fp6_e2m3")
    library = MlDtypes(ml_dtypes.float6_e2m3fn)


class TestFp6E3M2(Floats):
    format = find_format("fp6_e3m2")
    library = MlDtypes(ml_dtypes.float6_e3m2fn)


class TestFp8E4M3(Floats):
    format = find_format("fp8_e4m3")
    library = MlDtypes(ml_dtypes.float8_e4m3fn)


class TestFp8E5M2(Floats):
    format = find_format("fp8_e5m2")
    library = MlDtypes(ml_dtypes.float8_e5m2)


def unclamped(name: str) -> NumberFormat:
    """The non-saturating mode of OCP's 8-bit formats."""
    return dataclasses.replace(find_format(name), saturate=False)


class TestFp8E4M3Overflowing(Overflowing):
    format = unclamped("fp8_e4m3")
    library = MlDtypes(ml_dtypes.float8_e4m3fn)
    test_name_finds_it = None  # the name stands for the saturating mode


class TestFp8E5M2Overflowing(Overflowing):
    format = unclamped("fp8_e5m2")
    library = MlDtypes(ml_dtypes.float8_e5m2)
    test_name_finds_it = None


class TestBf16(Overflowing):
    format = find_format("bf16")
    library = MlDtypes(ml_dtypes.bfloat16)


class TestFp16(Overflowing):
    format = find_format("fp16")
    library = MlDtypes(np.float16)


class TestPosit8(Posits):
    format = find_format("posit8")
    library = SoftPosit(8)


class TestPosit16(Posits):
    format = find_format("posit16")
    library = SoftPosit(16)


class TestPosits(Posits):
    SIZES: ClassVar = [(2, 0), (2, 2), (3, 0), (3, 1), (3, 4), (4, 0), (4, 1), (4, 2), (5, 4)]
    SIZES += [(6, 2), (7, 3), (8, 2), (12, 1), (16, 2)]

    @pytest.fixture(autouse=True, params=SIZES, ids=str)
    def _every_size(self, request: Any) -> None:
        bits, es = request.param
        self.format = Posit(bits=bits, es=es)
