"""Chunks: runs of steps that are evaluated together or not at all, as C++ functions.

A chunk reads vectors that others computed, at offsets from a table, and leaves those that others
read in one piece of memory; all else it keeps to itself. So chunks that do the same, as those of
equal PEs, are one function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .words import Vector

__all__ = ["Chunk", "Function", "function_of"]

_NAME = re.compile(r"@(\d+)@")


@dataclass
class Chunk:
    """Statements, and what they make.

    Members
    -------
    lines : list of str
        Statements; vectors are called by their numbers.
    made : list of int
        Vectors that the statements give values.
    nexts : list of int
        Those of them that are next values of flip-flops.
    nets : list of int
        Those of them that are outputs of cells.
    read : tuple of (int, int), optional
        Instead of statements: memory and port to read.
    """

    owner: str
    lines: list[str] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    nexts: list[int] = field(default_factory=list)
    nets: list[int] = field(default_factory=list)
    read: tuple[int, int] | None = None

    @property
    def loads(self) -> list[int]:
        """Vectors of others that the statements read, in the order of their first use."""
        own = set(self.made)
        found = dict.fromkeys(int(n) for line in self.lines for n in _NAME.findall(line))
        return [number for number in found if number not in own]


@dataclass(frozen=True, slots=True)
class Function:
    """The code of a chunk, which knows no offset of its own, and the vectors in its table."""

    code: str
    loads: tuple[int, ...]


def function_of(chunk: Chunk, vectors: Sequence[Vector], shared: Iterable[int]) -> Function:
    """Return the function of a chunk that leaves `shared` for others.

    Arguments of the code: ``n`` the memory, ``o`` the offsets of what it reads, ``x`` and ``y``
    where shared vectors and next values begin, ``keep`` and ``flip`` the forces on its nets.
    """
    loads = chunk.loads
    names = {number: f"i{at}" for at, number in enumerate(loads)}
    names |= {number: f"w{at}" for at, number in enumerate(chunk.made)}
    lines = [
        f"const V{vectors[n].size} i{at} = L{vectors[n].size}(n + o[{at}]);"
        for at, n in enumerate(loads)
    ]
    lines += [f"V{vectors[n].size} {names[n]};" for n in chunk.made]
    lines += [_NAME.sub(lambda m: names[int(m[1])], line) for line in chunk.lines]
    for base, numbers in (("x", shared), ("y", chunk.nexts)):
        at = 0
        for n in numbers:
            size = vectors[n].size
            lines.append(f"ST{size}(n + {base} + {at // 8} * LANES, {names[n]});")
            at += size
    return Function("\n".join(lines), tuple(loads))


def force_line(vector: Vector, at: int) -> str:
    """Return the statement that forces a net; its forces lie `at` bits into its chunk's."""
    where = f"{at // 8} * LANES"
    return (
        f"if (F) {vector.text} = FORCE{vector.size}({vector.text}, keep + {where}, flip + {where});"
    )
