"""Words as vectors of lanes: where each lies, and bits of them as C++ expressions.

A word is held in the narrowest element that fits, 8 to 64 bits; wider ones are cut into pieces of
64. Bits above a word's width are zero everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from boards.frozen import Bit, Frozen

__all__ = ["PIECE", "SIZES", "Emitter", "Place", "mask_of", "size_of"]

PIECE = 64
SIZES = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of a word lies: kind (``s`` state, ``c`` other), element size, index, width."""

    kind: str
    size: int
    index: int
    width: int

    @property
    def text(self) -> str:
        return f"n.{self.kind}{self.size}[{self.index}]"


def size_of(width: int) -> int:
    return next(size for size in SIZES if width <= size)


def mask_of(width: int) -> str:
    return f"{(1 << width) - 1:#x}ull"


@dataclass
class Emitter:
    netlist: Frozen
    counts: dict[str, int] = field(default_factory=dict)
    driver: dict[Bit, tuple[Place, int]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def word(self, bits: Sequence[Bit], kind: str) -> tuple[Place, ...]:
        """Return the places of a new word, and note that it drives `bits`."""
        pieces = []
        for low in range(0, len(bits), PIECE):
            part = bits[low : low + PIECE]
            size = size_of(len(part))
            key = f"{kind}{size}"
            place = Place(kind, size, self.counts.get(key, 0), len(part))
            self.counts[key] = place.index + 1
            for at, bit in enumerate(part):
                if isinstance(bit, int):
                    self.driver[bit] = place, at
            pieces.append(place)
        return tuple(pieces)

    def value(self, bits: Sequence[Bit], size: int) -> str:
        """Return up to 64 bits as an expression of elements of `size` bits."""
        parts: list[str] = []
        constant, at = 0, 0
        while at < len(bits):
            bit = bits[at]
            if isinstance(bit, str):
                constant |= (bit == "1") << at
                at += 1
                continue
            place, low = self.driver[bit]
            count = 1
            while at + count < len(bits) and self._follows(bits[at + count], place, low + count):
                count += 1
            parts.append(self._run(place, low, count, size, at))
            at += count
        if constant or not parts:
            parts.append(f"K{size}({constant:#x}ull)")
        return " | ".join(parts) if len(parts) == 1 else f"({' | '.join(parts)})"

    def _follows(self, bit: Bit, place: Place, at: int) -> bool:
        return isinstance(bit, int) and self.driver.get(bit) == (place, at)

    def _run(self, place: Place, low: int, count: int, size: int, at: int) -> str:
        text = place.text
        if low:
            text = f"({text} >> {low})"
        if low + count < place.width:
            text = f"({text} & {mask_of(count)})"
        if place.size != size:
            text = f"C{size}({text})"
        return f"({text} << {at})" if at else text

    def pieces(self, bits: Sequence[Bit], width: int, signed: bool) -> list[str]:
        """Return bits extended or cut to `width`, as expressions of 64 bits each but the last."""
        bits = list(bits[:width])
        fill: Bit = bits[-1] if signed and bits else "0"
        if signed and len(bits) < width <= PIECE:
            size, top = size_of(width), 1 << (len(bits) - 1)
            inner = self.value(bits, size)
            return [f"((({inner}) ^ {top:#x}ull) - {top:#x}ull) & {mask_of(width)}"]
        bits += [fill] * (width - len(bits))
        return [
            self.value(bits[low : low + PIECE], size_of(min(PIECE, width - low)))
            for low in range(0, width, PIECE)
        ]

    def assign(self, places: Sequence[Place], values: Iterable[str]) -> None:
        for place, value in zip(places, values, strict=True):
            self.lines.append(f"{place.text} = {value};")
