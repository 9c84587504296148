"""Leaves out what the generator computed twice or with constants: a loop's first and last turn."""

from __future__ import annotations

from .rtlil import Assign, Cell, Chunk, RtlilModule, Sig, Statement, Switch
from .signals import extend, join, part, width_of

__all__ = ["fold"]


def fold(module: RtlilModule) -> None:
    """Replace intermediate results of `module` that are constants, copies or equal to another."""
    while substitutes := _find(module):
        _substitute(module, substitutes)


def _find(module: RtlilModule) -> dict[str, Sig]:
    """Return intermediate results and what stands for them; those operators are removed."""
    substitutes: dict[str, Sig] = {}
    seen: dict[object, Sig] = {}
    kept: list[Cell] = []
    for cell in module.cells:
        target = cell.ports.get("Y")
        if target is None or not cell.kind.startswith("$"):
            kept.append(cell)
            continue
        if not target:  # a result of no bits
            continue
        if not target[0].wire.startswith("$"):
            named = _simpler(cell)
            if named is None:
                kept.append(cell)
            else:
                module.connects.append((target[0].wire, named))
            continue
        key = (cell.kind, *cell.parameters.items(), *_inputs(cell))
        value = _simpler(cell) or seen.get(key)
        if value is None:
            seen[key] = target
            kept.append(cell)
        else:
            substitutes[target[0].wire] = value
    module.cells = kept
    return substitutes


def _inputs(cell: Cell) -> list[tuple[str, Sig]]:
    return [(port, sig) for port, sig in cell.ports.items() if port != "Y"]


def _simpler(cell: Cell) -> Sig | None:
    """Return the result of an operator on constants that decide it."""
    if cell.kind == "$mux":
        select, a, b = (cell.ports[port] for port in "SAB")
        if not select[0].wire:
            return b if select[0].low else a
        return a if a == b else None
    if cell.kind == "$mul":
        return _shifted(cell)
    if cell.kind == "$eq" and cell.ports["B"] == (Chunk("", 1, 1),):
        return cell.ports["A"] if width_of(cell.ports["A"]) == 1 else None
    if cell.kind not in ("$and", "$or"):
        return None
    a, b = cell.ports["A"], cell.ports["B"]
    width = cell.number("Y_WIDTH")
    if width_of(a) != width or width_of(b) != width:
        return None
    neutral, deciding = (1 << width) - 1, 0
    if cell.kind == "$or":
        neutral, deciding = deciding, neutral
    for constant, other in ((a, b), (b, a)):
        if constant == (Chunk("", neutral, width),):
            return other
        if constant == (Chunk("", deciding, width),):
            return constant
    return a if a == b else None


def _shifted(cell: Cell) -> Sig | None:
    """Return a product by a power of two: an element's offset in an array, for example."""
    other, factors = cell.ports["A"], cell.ports["B"]
    if len(factors) != 1 or cell.number("A_SIGNED"):
        return None
    factor = factors[0]
    if factor.wire or factor.low.bit_count() != 1:
        return None
    zeros = Chunk("", 0, factor.low.bit_length() - 1)
    return extend(join((zeros, *other)), cell.number("Y_WIDTH"), signed=False)


def _substitute(module: RtlilModule, substitutes: dict[str, Sig]) -> None:
    def changed(sig: Sig) -> Sig:
        if not any(chunk.wire in substitutes for chunk in sig):
            return sig
        chunks: list[Chunk] = []
        for chunk in sig:
            if chunk.wire in substitutes:
                chunks.extend(changed(part(substitutes[chunk.wire], chunk.low, chunk.width)))
            else:
                chunks.append(chunk)
        return join(chunks)

    def change(body: list[Statement]) -> list[Statement]:
        return [
            Assign(statement.target, changed(statement.value))
            if isinstance(statement, Assign)
            else Switch(
                changed(statement.test),
                [(patterns, change(inner)) for patterns, inner in statement.cases],
            )
            for statement in body
        ]

    for cell in module.cells:
        cell.ports = {port: changed(sig) for port, sig in cell.ports.items()}
    for process in module.processes:
        process.body = change(process.body)
    module.connects = [(target, changed(sig)) for target, sig in module.connects]
