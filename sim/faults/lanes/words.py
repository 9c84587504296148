"""Words as vectors of lanes, and bits of them as C++ expressions.

A word is held in the narrowest element that fits, 8 to 64 bits; wider ones are cut into pieces of
64. Bits above a word's width are zero everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from boards.frozen import Bit

__all__ = ["PIECE", "Emitter", "Vector", "mask_of", "size_of", "widths"]

PIECE = 64
_SIZES = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Vector:
    """A piece of a word: its number, bits of an element, and how many of them are used."""

    number: int
    size: int
    width: int

    @property
    def text(self) -> str:
        """How code names it, before it is known where the value lies."""
        return f"@{self.number}@"


def size_of(width: int) -> int:
    """Return the bits of the element that holds so many."""
    return next(size for size in _SIZES if width <= size)


def mask_of(width: int) -> str:
    """Return so many ones, as C++."""
    return f"{(1 << width) - 1:#x}ull"


def widths(bits: int) -> list[int]:
    """Return the widths of a word's pieces, the lowest first."""
    return [min(PIECE, bits - low) for low in range(0, bits, PIECE)]


@dataclass
class Emitter:
    """Makes vectors and statements.

    Members
    -------
    vectors : list of Vector
        All so far, by number.
    driver : dict of bit to (Vector, int)
        Which bit of which vector holds a net.
    lines : list of str
        Statements since they were last taken.
    """

    vectors: list[Vector] = field(default_factory=list)
    driver: dict[Bit, tuple[Vector, int]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _fresh: int = 0

    def word(self, bits: Sequence[Bit]) -> tuple[Vector, ...]:
        """Return the pieces of a new word, and note that it drives `bits`."""
        pieces = self.anonymous(len(bits))
        for at, bit in enumerate(bits):
            if isinstance(bit, int):
                self.driver[bit] = pieces[at // PIECE], at % PIECE
        return pieces

    def anonymous(self, bits: int, least: int = 0) -> tuple[Vector, ...]:
        """Return pieces that drive no net, in elements of at least `least` bits."""
        pieces = []
        for width in widths(bits):
            vector = Vector(len(self.vectors), max(size_of(width), least), width)
            self.vectors.append(vector)
            pieces.append(vector)
        return tuple(pieces)

    def fresh(self, count: int) -> list[Bit]:
        """Return nets that the netlist does not have."""
        self._fresh += count
        return [-at for at in range(self._fresh - count + 1, self._fresh + 1)]

    def take(self) -> list[str]:
        """Return the statements so far, and begin anew."""
        lines, self.lines = self.lines, []
        return lines

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
            vector, low = self.driver[bit]
            count = 1
            while at + count < len(bits) and self._follows(bits[at + count], vector, low + count):
                count += 1
            parts.append(_run(vector, low, count, size, at))
            at += count
        if constant or not parts:
            parts.append(f"K{size}({constant:#x}ull)")
        return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"

    def _follows(self, bit: Bit, vector: Vector, at: int) -> bool:
        return isinstance(bit, int) and self.driver.get(bit) == (vector, at)

    def pieces(self, bits: Sequence[Bit], width: int, signed: bool) -> list[str]:
        """Return bits extended or cut to `width`, as expressions of 64 bits each but the last."""
        bits = list(bits[:width])
        fill: Bit = bits[-1] if signed and bits else "0"
        if signed and 0 < len(bits) < width <= PIECE:
            size, top = size_of(width), 1 << (len(bits) - 1)
            inner = self.value(bits, size)
            return [f"((({inner}) ^ {top:#x}ull) - {top:#x}ull) & {mask_of(width)}"]
        bits += [fill] * (width - len(bits))
        return [
            self.value(bits[low : low + PIECE], size_of(min(PIECE, width - low)))
            for low in range(0, width, PIECE)
        ]

    def whole(self, bits: Sequence[Bit], width: int, signed: bool) -> list[str]:
        """Return the same with elements of 64 bits throughout."""
        texts = self.pieces(bits, width, signed)
        return [
            text if size_of(part) == PIECE else f"C64({text})"
            for text, part in zip(texts, widths(width), strict=True)
        ]

    def assign(self, vectors: Sequence[Vector], values: Iterable[str]) -> None:
        """Add statements that give vectors their values."""
        for vector, value in zip(vectors, values, strict=True):
            self.lines.append(f"{vector.text} = {value};")


def _run(vector: Vector, low: int, count: int, size: int, at: int) -> str:
    text = vector.text
    if low:
        text = f"({text} >> {low})"
    if low + count < vector.width:
        text = f"({text} & {mask_of(count)})"
    if vector.size != size:
        text = f"C{size}({text})"
    return f"({text} << {at})" if at else text
