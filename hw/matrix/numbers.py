"""What the numbers in an engine are: integers, or codes of several formats."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

if TYPE_CHECKING:
    from hw.mac import MacConfig
    from hw.numerics import NumberFormat

    from .config import MatrixConfig

__all__ = [
    "MOST_EXACT",
    "Integers",
    "Matrix",
    "MixedFormats",
    "check_formats",
    "exact_bits",
    "mac_stages",
    "make_mac",
    "wrap",
]

Matrix = NDArray[np.integer]
MOST_EXACT = 256
"""Bits of the widest exact accumulator (`hw.mac.config.MAX_QUIRE_BITS`)."""
_MOST_FORMATS = 16
_MOST_BOUNDED = 64
_MOST_WINDOW = 62


def wrap(values: Matrix, bits: int) -> NDArray[np.int64]:
    """Return `values` modulo ``2**bits`` as signed two's complement numbers."""
    spare = np.int64(64 - bits)  # shifted out at the top, then back with the sign
    return np.asarray(np.asarray(values).astype(np.int64) << spare >> spare)


def _checked(name: str, matrix: Matrix, low: int, high: int, what: str) -> Matrix:
    matrix = np.asarray(matrix)
    if matrix.size and (matrix.min() < low or matrix.max() >= high):
        raise ConfigError(f"{name} holds values that do not fit {what}; clip them")
    return matrix


@dataclass(frozen=True, slots=True)
class Integers:
    """Signed operands, one to a port, and signed accumulators that wrap.

    Parameters
    ----------
    operand_bits, accum_bits : int
        Widths.
    """

    operand_bits: int
    accum_bits: int

    @property
    def port_bits(self) -> int:
        """Bits of an operand port."""
        return self.operand_bits

    @property
    def result_bits(self) -> int:
        """Bits of a result."""
        return self.accum_bits

    def lanes(self, mode: str) -> int:
        """Return how many products an element computes in each cycle."""
        self.check_mode(mode)
        return 1

    def check_mode(self, mode: str) -> str:
        """Return the mode of a job: there is but one."""
        if mode:
            raise ConfigError(
                f"mode={mode!r}: this engine computes with integers only; leave it out, or build "
                f'one with formats=("{mode}",)'
            )
        return mode

    def mode_code(self, mode: str) -> int:
        """Return the mode as the descriptor has it."""
        return 0

    def limits(self, mode: str) -> tuple[int, int]:
        """Return the least operand, and the first that is too large."""
        half = 1 << (self.operand_bits - 1)
        return -half, half

    def ports(self, name: str, mode: str, operands: Matrix) -> Matrix:
        """Return what lies on the ports, ``[count, elements]``, of operands ``[count, k]``."""
        what = f"{self.operand_bits} signed bits"
        return _checked(name, operands, *self.limits(mode), what)

    def results(self, lanes: Matrix) -> NDArray[np.int64]:
        """Return what result lanes say."""
        return wrap(lanes, self.accum_bits)

    def golden(self, mode: str, A: Matrix, B: Matrix) -> NDArray[np.int64]:
        """Return ``A @ B`` as the engine computes it: exact, modulo ``2**accum_bits``."""
        A, B = np.asarray(A), np.asarray(B)
        largest = A.shape[1] << (2 * self.operand_bits - 2)
        if largest < 1 << 53:  # every partial sum is exact in double precision, and BLAS is fast
            product = (A.astype(np.float64) @ B.astype(np.float64)).astype(np.int64)
        else:
            product = A.astype(np.int64) @ B.astype(np.int64)
        return wrap(product, self.accum_bits)


@dataclass(frozen=True, slots=True)
class MixedFormats:
    """Codes of the formats of a multiply-accumulate unit, several narrow ones to a port.

    A mode is the name of a format; results are codes of the unit's one result format.

    Parameters
    ----------
    mac : MacConfig
        The processing element.
    """

    mac: MacConfig

    @property
    def port_bits(self) -> int:
        """Bits of an operand port."""
        return self.mac.plan.port_bits

    @property
    def result_bits(self) -> int:
        """Bits of a result."""
        return self.mac.output_formats[0].bits

    def lanes(self, mode: str) -> int:
        """Return how many products an element computes in each cycle."""
        return self.mac.plan.modes[self.mode_code(mode)].lanes

    def check_mode(self, mode: str) -> str:
        """Return the mode of a job: the first where none is said."""
        if not mode:
            return self.mac.modes[0]
        from hw.numerics import find_format

        name = find_format(mode).name
        if name not in self.mac.modes:
            raise ConfigError(
                f"mode={mode!r} is none of this engine's; choose one of {', '.join(self.mac.modes)}"
            )
        return name

    def mode_code(self, mode: str) -> int:
        """Return the mode as the descriptor has it."""
        return self.mac.modes.index(self.check_mode(mode))

    def limits(self, mode: str) -> tuple[int, int]:
        """Return the least code, and the first that is too large."""
        return 0, 1 << self.mac.formats[self.mode_code(mode)].bits

    def ports(self, name: str, mode: str, operands: Matrix) -> Matrix:
        """Return what lies on the ports, ``[count, elements]``, of operands ``[count, k]``.

        Lane 0, the lowest, has the first operand; what is missing at the end is zero.
        """
        low, high = self.limits(mode)
        codes = _checked(name, operands, low, high, f"codes of {self.check_mode(mode)}")
        plan = self.mac.plan.modes[self.mode_code(mode)]
        padded = np.pad(codes.astype(np.int64), ((0, 0), (0, -codes.shape[1] % plan.lanes)))
        shifts = plan.container * np.arange(plan.lanes)
        words: Matrix = (padded.reshape(len(codes), -1, plan.lanes) << shifts).sum(axis=2)
        return words

    def results(self, lanes: Matrix) -> NDArray[np.int64]:
        """Return the codes in result lanes."""
        mask = np.int64((1 << self.result_bits) - 1)
        return np.asarray(np.asarray(lanes).astype(np.int64) & mask)

    def golden(self, mode: str, A: Matrix, B: Matrix) -> NDArray[np.int64]:
        """Return the codes of ``A @ B``: fused, by `hw.mac.golden`'s rule."""
        from hw.mac.golden import matrix_product

        return matrix_product(self.mac, self.check_mode(mode), A, B).astype(np.int64)


def mac_stages(mac: MacConfig) -> int:
    """Return the registers between operands and rounded results of an array of `mac`."""
    from hw.mac.operand import operand_latency
    from hw.mac.pe import finish_latency, pe_latency

    plan = mac.plan
    return operand_latency(plan) + pe_latency(plan) + finish_latency(plan) + 1


def check_formats(formats: Any, result_format: Any) -> tuple[str, ...]:
    """Return the names that everybody uses for `formats`; refuse what an engine cannot take."""
    if isinstance(formats, str):
        raise ConfigError(f"formats={formats!r} is no tuple of names; use ({formats!r},)")
    names = tuple(_named("formats", name).name for name in formats)
    if len(set(names)) < len(names):
        same = f" ({', '.join(names)})" if names != tuple(formats) else ""
        raise ConfigError(f"formats={formats}{same} names a format twice; name each once")
    if len(names) > _MOST_FORMATS:
        raise ConfigError(f"formats={formats} are {len(names)}; use {_MOST_FORMATS} or fewer")
    _named("result_format", result_format)
    return names


def _named(field: str, name: Any) -> NumberFormat:
    """Return a format; say in which field its name stands if it is none."""
    from hw.numerics import find_format

    blocks = isinstance(name, str) and name.startswith("mx_")
    try:
        found = find_format(name.removeprefix("mx_") if blocks else name)
    except ConfigError as error:
        words = str(error).removeprefix(f"format {name!r}")
        raise ConfigError(f"{field}={name!r}{': ' * (words == str(error))}{words}") from error
    if blocks:
        raise ConfigError(
            f"{field}={name!r} scales blocks of numbers, for which there is no hardware; use the "
            f"format of its elements, {found.name!r}"
        )
    return found


def exact_bits(formats: tuple[str, ...], length: int) -> int:
    """Return the width of the accumulator that holds every sum of `length` products exactly."""
    from hw.mac.plan import headroom, span
    from hw.numerics import find_format

    return headroom(length) + max(span(find_format(name)) for name in formats)


@functools.lru_cache(maxsize=4096)
def make_mac(config: MatrixConfig) -> MacConfig:
    """Return the processing element of an engine with `formats`.

    Raises
    ------
    ConfigError
        If the accumulator can neither hold all sums nor keep a window of them.
    """
    from hw.mac.plan import headroom

    carries, exact = headroom(config.length), exact_bits(config.formats, config.length)
    if config.accum_bits >= exact:
        return _mac(config, accumulator="quire")
    window, least = config.accum_bits - carries, max(12, config.step + 4)
    if window < least:
        raise ConfigError(
            f"accum_bits={config.accum_bits} leaves a window of {window} bits beside the carries "
            f"of length={config.length}; use {min(exact, carries + least)} or more"
        )
    most = min(_MOST_BOUNDED, _MOST_WINDOW + carries)
    if config.accum_bits > most:
        wide = f"{exact}, or " if exact <= MOST_EXACT else ""
        raise ConfigError(
            f"accum_bits={config.accum_bits} is less than exact sums of formats={config.formats} "
            f"take, and more than a moving window may have; use {wide}{most} or fewer"
        )
    return _mac(config, accumulator="bounded", alignment=window)


def _mac(config: MatrixConfig, **accumulator: Any) -> MacConfig:
    from hw.mac import MacConfig
    from hw.numerics import find_format

    return MacConfig(
        modes=config.formats,
        outputs=(find_format(config.result_format).name,),
        length=config.length,
        step=config.step,
        pipeline=config.pipeline,
        sharing="dedicated",
        multiplier=config.multiplier,
        stall=False,
        **accumulator,
    )
