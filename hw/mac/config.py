"""Design point of the multiply-accumulate unit; generator, golden model and cycles read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw.contracts import ConfigError, CycleCount, Operator, check_choices, check_ranges
from hw.numerics import Codes, NumberFormat, find_format

if TYPE_CHECKING:
    from .job import MacJob
    from .plan import MacPlan
    from .unit import MacUnit

__all__ = ["ACCUMULATORS", "MAX_QUIRE_BITS", "MULTIPLIERS", "PORTS", "SHARINGS", "MacConfig"]

PORTS = ("fixed", "wide")
MULTIPLIERS = ("lut", "dsp")
SHARINGS = ("shared", "dedicated")
ACCUMULATORS = ("quire", "bounded")
MAX_QUIRE_BITS = 256
MAX_BOUNDED_BITS = 64
LIMITS = {
    "length": (1, 1 << 20),
    "alignment": (12, 62),
    "segment": (0, MAX_QUIRE_BITS),
    "bank": (1, 64),
    "pipeline": (0, 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MacConfig:
    """A SIMD multiply-accumulate unit with a format mode that may change every cycle.

    Parameters
    ----------
    modes : tuple of str
        Names of the operand formats, as of `hw.numerics.find_format`; a mode is an index into it.
    port : str
        ``"fixed"``: 16 bits per operand, 1, 2 or 4 lanes of 16, 8 or 4 bits. ``"wide"``: as wide
        as the narrowest mode wants it for 1, 4 or 16 lanes.
    reduce : bool
        Whether the lanes are summed into one accumulator; else each lane has its own.
    multiplier : str
        ``"lut"`` builds products from logic; ``"dsp"`` leaves those of more than four bits to the
        target's multiplier blocks.
    sharing : str
        ``"shared"``: lanes take parts of one multiplier; ``"dedicated"``: each has its own.
    accumulator : str
        ``"quire"`` is exact; ``"bounded"`` keeps a window, by the rule of `hw.mac.golden`.
    length : int
        Products of the longest dot product; beyond it accumulators may wrap.
    alignment : int
        Width of the window in bits, bounded accumulator only: what of each product is kept.
    step : int
        Distance by which the window moves, and granularity of coarse shifts: 4, 8, 16 or 32.
    outputs : tuple of str
        Formats that results are rounded into; with two or more, each dot product's last element
        chooses one. Empty: every result is in the format of its mode.
    pipeline : int
        How many registers: 0 (accumulator and output only) to 3 (one short step each).
    segment : int
        Bits of each piece that a quire's adder is cut into, a cycle apart; 0 leaves it whole.
    gating : bool
        Whether registers that a mode leaves idle, and all behind the accumulator but at the end of
        a dot product, keep their value (`hw.mac.gating`).
    bank : int
        Accumulators, per lane if not reduced; each element names the one that it goes into.
    stall : bool
        Whether the unit waits for its consumer; else it takes ``ready`` of its results as given.
    """

    modes: tuple[str, ...] = ("fp4_e2m1", "posit4", "posit8", "posit16")
    port: str = "fixed"
    reduce: bool = True
    multiplier: str = "lut"
    sharing: str = "shared"
    accumulator: str = "quire"
    length: int = 4096
    alignment: int = 30
    step: int = 8
    outputs: tuple[str, ...] = ()
    pipeline: int = 2
    segment: int = 0
    gating: bool = True
    bank: int = 1
    stall: bool = True

    def __post_init__(self) -> None:
        self._check_values()
        self._check_formats()
        if self.accumulator == "bounded" and self.segment:
            raise ConfigError(
                f"segment={self.segment} cuts a carry chain that a bounded accumulator shifts; "
                "use segment=0, or accumulator='quire'"
            )
        if self.multiplier == "dsp" and self.sharing == "shared":
            raise ConfigError(
                "sharing='shared' parts a multiplier that multiplier='dsp' leaves to a block; use "
                "sharing='dedicated'"
            )
        if self.alignment < self.step + 4:
            raise ConfigError(
                f"alignment={self.alignment} keeps hardly a bit of products a step={self.step} "
                f"below the largest; use alignment={self.step + 4} or more"
            )
        self._check_width()

    def _check_values(self) -> None:
        options: dict[str, tuple[int | str, ...]] = {
            "port": PORTS,
            "multiplier": MULTIPLIERS,
            "sharing": SHARINGS,
            "accumulator": ACCUMULATORS,
            "step": (4, 8, 16, 32),
        }
        check_choices(self, options)
        check_ranges(self, LIMITS)
        if 0 < self.segment < 8:
            raise ConfigError(f"segment={self.segment} is too short; use 0, or 8 or more")
        for name in ("reduce", "gating", "stall"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name}={getattr(self, name)!r} is no bool; use True or False")

    def _check_formats(self) -> None:
        for field in ("modes", "outputs"):
            names = getattr(self, field)
            if not isinstance(names, tuple) or (field == "modes" and not names):
                raise ConfigError(f"{field}={names!r} is no tuple of formats; name one or more")
            formats = [_named(field, name) for name in names]
            if len(set(formats)) < len(formats):
                raise ConfigError(f"{field}={names} names a format twice; name each once")
            if len(names) > 16:
                raise ConfigError(f"{field} has {len(names)} formats; use 16 or fewer")

    def _check_width(self) -> None:
        plan = self.plan
        bits = plan.accumulator_bits
        if self.accumulator == "quire" and bits > MAX_QUIRE_BITS:
            widest = max(plan.modes, key=lambda mode: mode.span)
            raise ConfigError(
                f"accumulator='quire' takes {bits} bits for {widest.format.name} and "
                f"length={self.length}, more than {MAX_QUIRE_BITS}; use accumulator='bounded'"
            )
        if self.accumulator == "bounded" and bits > MAX_BOUNDED_BITS:
            raise ConfigError(
                f"alignment={self.alignment} makes an accumulator of {bits} bits for "
                f"length={self.length}, more than {MAX_BOUNDED_BITS}; use "
                f"alignment={self.alignment - bits + MAX_BOUNDED_BITS} or less"
            )

    @property
    def plan(self) -> MacPlan:
        """Everything that follows from this configuration: lanes, windows, widths."""
        from .plan import make_plan

        return make_plan(self)

    @property
    def formats(self) -> tuple[NumberFormat, ...]:
        """Operand formats, by mode."""
        return tuple(find_format(name) for name in self.modes)

    @property
    def output_formats(self) -> tuple[NumberFormat, ...]:
        """Formats of the results: those of the modes where none are chosen."""
        return tuple(find_format(name) for name in self.outputs or self.modes)

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a dot product's last element to its result's, if taken."""
        return self.plan.latency

    def mode(self, name: str) -> int:
        """Return the encoding of the mode called `name`."""
        return self.formats.index(_one_of(name, self.formats, "mode"))

    def output(self, name: str) -> int:
        """Return the encoding of the output format called `name`."""
        return self.output_formats.index(_one_of(name, self.output_formats, "output"))

    def jobs(self, op: Operator) -> tuple[MacJob, ...] | None:
        """Return None: alone, the unit is fed element by element; arrays of it run operators."""
        return None

    def golden(self, job: MacJob, state: Any) -> Codes:
        """Return the codes of the results, bit-exactly; `state` is ``(A, B)`` or a mapping.

        A and B are codes, ``[count, length]``; so is the result, ``[count]``, or, with a sum for
        each lane, ``[count, lanes]``.
        """
        from .golden import dot_products

        A, B = (state["A"], state["B"]) if isinstance(state, Mapping) else state
        return dot_products(self, job.mode, A, B, output=job.output)

    def cycles(self, job: MacJob, memory: Any = None, stalls: Any = None) -> CycleCount:
        """Return the cycles from the first element's transfer to the last result's.

        Both are included, and nobody makes the unit wait.
        """
        if memory is not None or stalls is not None:
            raise ConfigError(
                "memory and stalls are not modelled: a multiply-accumulate unit has no memory, and "
                "its producer decides when elements come; leave them out"
            )
        lanes = self.plan.modes[self.mode(job.mode)].lanes
        return CycleCount(compute=job.count * -(-job.length // lanes), fill=self.latency)

    def create(self) -> MacUnit:
        """Return the Amaranth component."""
        from .unit import MacUnit

        return MacUnit(self)


def _named(field: str, name: Any) -> NumberFormat:
    """Return a format; say in which field its name stands if it is none."""
    if isinstance(name, str) and name.startswith("mx_"):
        raise ConfigError(
            f"{field}={name!r} scales blocks, which no unit does; name the format of its elements, "
            f"{name.removeprefix('mx_')!r}"
        )
    try:
        return find_format(name)
    except ConfigError as error:
        raise ConfigError(f"{field}: {name!r} is no format of a unit: {error}") from error


def _one_of(name: str, formats: tuple[NumberFormat, ...], field: str) -> NumberFormat:
    found = find_format(name)
    if found not in formats:
        known = ", ".join(format.name for format in formats)
        raise ConfigError(f"{field}={name!r} is none of this unit's; choose one of {known}")
    return found
