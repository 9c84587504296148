"""What follows from a configuration: lanes and their places, windows, widths, pipeline."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from hw.numerics import NumberFormat, Posit, TwosComplement

from .config import MacConfig

__all__ = ["CUTS", "MacPlan", "ModePlan", "Slot", "headroom", "make_plan", "span"]

CUTS = {
    "input": 2,  # operands and mode
    "positive": 3,  # posits made positive
    "run": 3,  # the length of their regime half known
    "unpacked": 3,  # fraction and exponent at their places
    "decoded": 1,
    "partial": 3,  # two halves of each product
    "product": 2,
    "candidate": 3,  # the window that an element asks for
    "fine": 3,  # the window that it gets
    "distance": 3,  # whole steps to go, products shifted by less than a step
    "aligned": 1,
    "paired": 3,  # lanes half summed
    "reduced": 3,  # lanes summed
    "absolute": 2,  # sum split into sign and magnitude
    "group": 3,  # the step in which its first one is
    "coarse": 3,  # normalised but for less than a step
    "normal": 1,
    "measured": 3,  # encoder: the distance to shift known
    "shifted": 3,  # before it rounds
    "rounded": 3,  # before its last step
    "encoded": 3,  # the codes of all formats, before one is chosen
}
"""Where the pipeline can be cut, in order, and from which `pipeline` on it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModePlan:
    """How one format uses the unit.

    Members
    -------
    container : int
        Bits that a lane's operand lies in: 4, 8 or 16.
    lanes : int
        Products per element.
    bias : int
        Added to the sum of two scales; makes it a shift distance, never negative.
    origin : int
        Weight, as a power of two, of the accumulator's lowest bit while the window is at its base.
    exact : bool
        Whether the window never leaves its base, so that nothing is ever cut.
    span : int
        Bits of the window in which this format would be exact.
    """

    format: NumberFormat
    index: int
    container: int
    lanes: int
    bias: int
    origin: int
    exact: bool
    span: int

    @property
    def half(self) -> int:
        """Part of the bias that each operand's decoder adds; one may be left over."""
        return self.bias // 2

    @property
    def shifts(self) -> range:
        """Biased sums of two scales."""
        scales = self.format.min_scale, self.format.max_scale
        return range(2 * scales[0] + self.bias, 2 * scales[1] + self.bias + 1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where lanes are computed: those of every mode whose operands end at one bit.

    Sharing the top bit, operands of all widths are left-aligned in the widest without a
    multiplexer, and a posit followed by zeros is the same posit of more bits.

    Members
    -------
    top : int
        Where the operands end, as a bit of the port.
    lanes : tuple of (mode, lane)
        What is computed here.
    """

    top: int
    lanes: tuple[tuple[ModePlan, int], ...]

    @property
    def width(self) -> int:
        """Bits of the widest operand."""
        return max(mode.container for mode, _ in self.lanes)

    @property
    def modes(self) -> tuple[ModePlan, ...]:
        return tuple(mode for mode, _ in self.lanes)

    @property
    def significand_bits(self) -> int:
        return max(mode.format.significand_bits for mode in self.modes)

    @property
    def posits(self) -> tuple[ModePlan, ...]:
        return tuple(mode for mode in self.modes if isinstance(mode.format, Posit))

    @property
    def moves(self) -> bool:
        """Whether a mode of this slot moves the window."""
        return not all(mode.exact for mode in self.modes)

    @property
    def shifts(self) -> range:
        """Biased sums of scales of all its modes."""
        ranges = [mode.shifts for mode in self.modes]
        return range(min(r[0] for r in ranges), max(r[-1] for r in ranges) + 1)

    @property
    def places(self) -> range:
        """Scales of operands, with half of their mode's bias added."""
        formats = [(mode.format, mode.half) for mode in self.modes]
        low = min(format.min_scale + half for format, half in formats)
        return range(low, max(format.max_scale + half for format, half in formats) + 1)

    @property
    def tabled(self) -> bool:
        """Whether products are looked up: of two magnitudes of three bits each."""
        return self.width == 4 and all(
            mode.exact and not isinstance(mode.format, TwosComplement) for mode in self.modes
        )

    @property
    def name(self) -> str:
        """Name of the class of slots that are built alike."""
        return "_".join(str(mode.index) for mode in self.modes)


@dataclass(frozen=True, slots=True, kw_only=True)
class MacPlan:
    """Geometry of a unit.

    Members
    -------
    port_bits : int
        Width of each operand port.
    modes : tuple of ModePlan
        One for each mode.
    slots : tuple of Slot
        The widest first.
    window : int
        Bits of a product that reach the accumulator.
    step : int
        Distance of two positions of the window.
    spare : int
        Whole steps that products may lie below the top of the window at its base.
    bases : int
        Highest position of the window, in steps; 0 where it never moves.
    headroom : int
        Bits above the window, for sign and carries.
    cuts : frozenset of str
        Registered cuts of the pipeline.
    segments : int
        Pieces of the accumulator's adder.
    """

    port_bits: int
    modes: tuple[ModePlan, ...]
    slots: tuple[Slot, ...]
    window: int
    step: int
    spare: int
    bases: int
    headroom: int
    cuts: frozenset[str]
    segments: int

    @property
    def accumulator_bits(self) -> int:
        return self.window + self.headroom

    @property
    def mode_bits(self) -> int:
        """Bits of a mode, where one has to be told."""
        return max((len(self.modes) - 1).bit_length(), 1)

    @property
    def shift_bits(self) -> int:
        """Bits of a biased sum of scales."""
        return max(mode.shifts[-1] for mode in self.modes).bit_length()

    @property
    def most_steps(self) -> int:
        """Whole steps after which nothing of a product is left in the window."""
        return -(-self.window // self.step)

    @property
    def latency(self) -> int:
        """Cycles: the registered cuts, accumulator, output, and a segmented adder's others."""
        return len(self.cuts) + 2 + self._segment_cycles

    @property
    def _segment_cycles(self) -> int:
        return self.segments if self.segments > 1 else 0


def span(format: NumberFormat) -> int:
    """Return the bits of the window in which products of `format` are exact."""
    return 2 * format.max_scale - 2 * format.quantum + 2


def headroom(length: int) -> int:
    """Return the bits above the window: a sign, and the carries of `length` products."""
    return 1 + math.ceil(math.log2(length))


@functools.lru_cache(maxsize=1024)
def make_plan(config: MacConfig) -> MacPlan:
    """Return the geometry of `config`."""
    formats = config.formats
    spans = [span(format) for format in formats]
    window = config.alignment if config.accumulator == "bounded" else max(spans)
    step = config.step
    exact = [bits <= window for bits in spans]
    # At the base, all exact products fit; a window that moves starts with all of it in use.
    ranges = [2 * (f.max_scale - f.min_scale) + 1 for f, e in zip(formats, exact, strict=True) if e]
    reach = max([*ranges, *([] if all(exact) else [window - 1]), 1])
    spare = -(-reach // step) - 1
    modes = []
    for index, (format, bits) in enumerate(zip(formats, spans, strict=True)):
        container = format.container_bits
        lanes = 16 // container
        top = step * (spare + 1) + 1 - window  # origin if there were no bias
        low = max(-2 * format.min_scale, top - 2 * format.quantum)
        high = step * (spare + 1) - 1 - 2 * format.max_scale if exact[index] else low + step
        bias = _roundest(low, high)
        modes.append(
            ModePlan(
                format=format,
                index=index,
                container=container,
                lanes=lanes if config.port == "fixed" else lanes * lanes,
                bias=bias,
                origin=top - bias,
                exact=exact[index],
                span=bits,
            )
        )
    moving = [mode.shifts[-1] // step - spare for mode in modes if not mode.exact]
    carries = headroom(config.length)
    bits = window + carries
    return MacPlan(
        port_bits=16 if config.port == "fixed" else max(m.lanes * m.container for m in modes),
        modes=tuple(modes),
        slots=_slots(modes),
        window=window,
        step=step,
        spare=spare,
        bases=max([0, *moving]),
        headroom=carries,
        cuts=frozenset(name for name, level in CUTS.items() if level <= config.pipeline),
        segments=-(-bits // config.segment) if config.segment else 1,
    )


def _roundest(low: int, high: int) -> int:
    """Return the number from `low` to `high` with the most trailing zeros: cheapest to add."""
    found = (high // bit * bit for bit in (1 << at for at in reversed(range(16))))
    return next(number for number in found if number >= low)


def _slots(modes: list[ModePlan]) -> tuple[Slot, ...]:
    lanes: dict[int, list[tuple[ModePlan, int]]] = {}
    for mode in modes:
        for lane in range(mode.lanes):
            lanes.setdefault((lane + 1) * mode.container - 1, []).append((mode, lane))
    slots = [Slot(top, tuple(lanes[top])) for top in lanes]
    return tuple(sorted(slots, key=lambda slot: (-slot.width, slot.top)))
