"""Linear codes on registers and memories: check bits predicted from inputs, compared with outputs.

Check bits are predicted through the multiplexers of enables and resets: where a register keeps its
value, so do they. A prediction therefore costs one tree over the data that is loaded, and sees a
transient in those multiplexers too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from boards.frozen import Bit, Cell, Flop, Frozen, MemoryCell
from hw.protect import HsiaoCode

from .builder import Builder, Word
from .enables import read_bits
from .manifest import Manifest, Replicas

__all__ = ["Checked", "Drivers", "keeps_select", "protect_groups", "protect_memory", "signature"]

Rows = tuple[tuple[int, ...], ...]
"""Of each check bit, the data bits that it is the parity of."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What checkers say, as nets: errors that are detected, and those that are corrected."""

    detected: tuple[Bit, ...]
    corrected: tuple[Bit, ...]
    manifest: Manifest
    kept: tuple[str, ...] = ()
    """Registers that synthesis might take for check bits: the parity of a bit is that bit."""
    covered: tuple[str, ...] = ()
    """Registers behind read ports that the memory's code corrects."""


class Drivers:
    """Multiplexers by the word that they drive."""

    def __init__(self, builder: Builder | Frozen) -> None:
        self.muxes = {cell.output: cell for cell in builder.cells if cell.type == "$mux"}


def signature(drivers: Drivers, flop: Flop) -> tuple[Any, ...]:
    """Return how a register is loaded; registers of one signature may share check bits."""
    return _signature(drivers, flop.d, flop.q)


def _signature(drivers: Drivers, d: Word, q: Word) -> tuple[Any, ...]:
    if d == q:
        return ("hold",)
    if all(isinstance(bit, str) for bit in d):
        return ("constant",)
    cell = drivers.muxes.get(d)
    if cell is None:
        return ("load",)
    sides = [_signature(drivers, cell.inputs[pin], q) for pin in "AB"]
    if sides == [("load",), ("load",)]:
        return ("load",)  # a multiplexer of data, not an enable or a reset
    return ("mux", cell.inputs["S"], *sides)


def keeps_select(drivers: Drivers, d: Word, q: Word) -> bool:
    """Whether what `q` is loaded with comes out of an enable's or a reset's multiplexer."""
    return str(_signature(drivers, d, q)[0]) == "mux"


def rows_of(scheme: str, width: int) -> Rows:
    """Return the check bits of a scheme."""
    return (tuple(range(width)),) if scheme == "parity" else HsiaoCode(data_bits=width).rows


def protect_groups(
    b: Builder, flops: Sequence[Flop], scheme: str, group_bits: int, test: Sequence[Bit] = ()
) -> Iterator[Checked]:
    """Protect registers by parity or SECDED in groups of one signature."""
    drivers = Drivers(b)
    by_signature: dict[Any, list[Flop]] = {}
    for flop in flops:
        by_signature.setdefault(signature(drivers, flop), []).append(flop)
    for members in by_signature.values():
        for group in _cut(members, group_bits):
            yield _protect_group(b, drivers, group, scheme)


def _cut(flops: list[Flop], group_bits: int) -> Iterator[list[Flop]]:
    """Return groups of whole registers, of at most `group_bits` unless one has more."""
    group: list[Flop] = []
    for flop in flops:
        if group and sum(len(f.q) for f in group) + len(flop.q) > group_bits:
            yield group
            group = []
        group.append(flop)
    if group:
        yield group


def _protect_group(b: Builder, drivers: Drivers, group: list[Flop], scheme: str) -> Checked:
    name = f"{group[0].name}$check"
    q = tuple(bit for flop in group for bit in flop.q)
    init = sum(flop.init << sum(len(f.q) for f in group[:at]) for at, flop in enumerate(group))
    rows = rows_of(scheme, len(q))
    stored = b.word(len(rows))
    predicted = _predict(b, drivers, name, [(f.d, f.q) for f in group], rows, stored)
    b.flops.append(Flop(name, predicted, stored, _checks(init, rows)))
    manifest = Manifest((Replicas((name,), len(rows)),))
    found = _checker(b, name, q, stored, scheme, manifest)
    alone = len(q) == 1
    return replace(found, kept=(group[0].name, name)) if alone else found


def _checks(word: int, rows: Rows) -> int:
    return sum((sum(word >> at & 1 for at in row) & 1) << r for r, row in enumerate(rows))


def _predict(
    b: Builder,
    drivers: Drivers,
    name: str,
    words: list[tuple[Word, Word]],
    rows: Rows,
    stored: Word,
) -> Word:
    """Return check bits of the words' next values; all of them have one signature."""
    d, q = words[0]
    kind = _signature(drivers, d, q)
    if kind == ("hold",):
        return stored
    if kind[0] == "mux":
        cells: list[Cell] = [drivers.muxes[d] for d, _ in words]
        sides = [
            [(cell.inputs[pin], q) for cell, (_, q) in zip(cells, words, strict=True)]
            for pin in "AB"
        ]
        zero, one = (_predict(b, drivers, name, side, rows, stored) for side in sides)
        return b.mux(f"{name}$next", cells[0].inputs["S"][0], zero, one)
    bits = tuple(bit for d, _ in words for bit in d)
    return encoded(b, name, bits, rows)


def encoded(b: Builder, name: str, bits: Word, rows: Rows, *, raw: bool = False) -> Word:
    """Return the check bits of a word."""
    return tuple(
        b.parity(f"{name}$p{r}", [bits[at] for at in row], raw=raw) for r, row in enumerate(rows)
    )


def _checker(
    b: Builder, name: str, q: Word, stored: Word, scheme: str, manifest: Manifest
) -> Checked:
    """Compare what is stored with its check bits, and correct it where the code can.

    Parity of a memory whose read register votes is that of the vote.
    """
    rows = rows_of(scheme, len(q))
    syndrome = tuple(
        b.parity(f"{name}$s{r}", [stored[r], *(q[at] for at in row)], raw=scheme != "parity")
        for r, row in enumerate(rows)
    )
    if scheme == "parity":
        return Checked((syndrome[0],), (), manifest)
    columns = HsiaoCode(data_bits=len(q)).columns
    hits = []
    for at, column in enumerate(columns):
        constant = tuple(str(column >> r & 1) for r in range(len(rows)))
        hits.append(b.cell(f"{name}$is{at}", "$eq", 1, A=syndrome, B=constant)[0])
    flips = tuple(hits)
    data = b.cell(f"{name}$data", "$xor", len(q), A=q, B=flips[: len(q)], raw=True)
    checks = b.cell(f"{name}$checks", "$xor", len(rows), A=stored, B=flips[len(q) :], raw=True)
    b.taken_over |= dict(zip(q, data, strict=True)) | dict(zip(stored, checks, strict=True))
    corrected = b.any_of(f"{name}$corrected", flips)
    wrong = b.any_of(f"{name}$wrong", syndrome)
    known = b.cell(f"{name}$unknown", "$not", 1, A=(corrected,))
    detected = b.cell(f"{name}$detected", "$and", 1, A=(wrong,), B=known)
    return Checked(detected, (corrected,), manifest)


def protect_memory(b: Builder, index: int, scheme: str) -> Checked:
    """Put check bits beside the words of a memory, a code for each part that is written at once.

    Words are checked where they are read; behind the register of a read port, if it has one and
    nothing else reads there: it is then covered as well, and the memory's access time stays what it
    was. A register that SECDED corrects must get no other protection that corrects.
    """
    memory = b.memories[index]
    covered: tuple[str, ...] = ()
    readers = Counter(read_bits(b.netlist))
    detected: list[Bit] = []
    corrected: list[Bit] = []
    parts = _parts(memory)
    codes = [rows_of(scheme, high - low) for low, high in parts]
    more = sum(len(rows) for rows in codes)
    manifest = Manifest(memories={memory.name: memory.width + more})
    writes = []
    for w, (address, data, enable) in enumerate(memory.writes):
        checks: Word = ()
        enables: Word = ()
        for (low, high), rows in zip(parts, codes, strict=True):
            checks += encoded(b, f"{memory.name}$w{w}_{low}", data[low:high], rows)
            enables += (enable[low],) * len(rows)
        writes.append((address, data + checks, enable + enables))
    reads = []
    for r, (address, data) in enumerate(memory.reads):
        stored = b.word(more)
        reads.append((address, data + stored))
        seen, behind = data, stored
        register = _behind(b, data, readers)
        if register is not None:
            label = f"{memory.name}$r{r}$check"
            init = _joined_checks(register[0].init, parts, codes)
            seen, behind = register[0].q, _beside(b, label, register, stored, init, scheme)
            manifest |= Manifest((Replicas((label,), more),))
            covered += (register[0].name,) if scheme == "secded" else ()
        at = 0
        for (low, high), rows in zip(parts, codes, strict=True):
            name = f"{memory.name}$r{r}_{low}"
            found = _checker(
                b, name, seen[low:high], behind[at : at + len(rows)], scheme, Manifest()
            )
            detected += found.detected
            corrected += found.corrected
            at += len(rows)
    b.memories[index] = replace(
        memory,
        width=memory.width + more,
        reads=tuple(reads),
        writes=tuple(writes),
        init=tuple(w | _joined_checks(w, parts, codes) << memory.width for w in memory.init),
    )
    return Checked(tuple(detected), tuple(corrected), manifest, covered=covered)


def _parts(memory: MemoryCell) -> list[tuple[int, int]]:
    """Return the runs of bits that every write port enables together."""
    keys = [tuple(enable[at] for _, _, enable in memory.writes) for at in range(memory.width)]
    starts = [at for at in range(memory.width) if at == 0 or keys[at] != keys[at - 1]]
    return list(zip(starts, [*starts[1:], memory.width], strict=True))


def _joined_checks(word: int, parts: list[tuple[int, int]], codes: list[Rows]) -> int:
    """Return the check bits of all parts of a word."""
    found, shift = 0, 0
    for (low, high), rows in zip(parts, codes, strict=True):
        found |= _checks(word >> low & ((1 << (high - low)) - 1), rows) << shift
        shift += len(rows)
    return found


def _behind(b: Builder, data: Word, readers: Counter[Bit]) -> tuple[Flop, Cell | None] | None:
    """Return a read port's register and the multiplexer of its enable.

    Only a register behind which nothing else sees what is read: else that would go unchecked.
    """

    def is_alone(word: Word) -> bool:
        return all(readers[bit] == 1 for bit in word)

    if not is_alone(data):
        return None
    held = {
        cell.output: cell for cell in b.cells if cell.type == "$mux" and cell.inputs["B"] == data
    }
    for flop in b.flops:
        if flop.d == data:
            return flop, None
        mux = held.get(flop.d)
        if mux is not None and mux.inputs["A"] == flop.q and is_alone(flop.d):
            return flop, mux
    return None


def _beside(
    b: Builder,
    label: str,
    register: tuple[Flop, Cell | None],
    stored: Word,
    init: int,
    scheme: str,
) -> Word:
    """Return check bits that are held as long as a read port's register holds its word."""
    mux = register[1]
    if mux is None:
        return b.flop(label, stored, init)
    q = b.word(len(stored))
    d = b.mux(label.removesuffix("$check") + "$hold", mux.inputs["S"][0], q, stored)
    if scheme == "secded":  # a block RAM's own register cannot be corrected
        b.keep(mux, "A")
        b.keep(b.cells[-1], "A")
    b.flops.append(Flop(label, d, q, init))
    return q
