"""Dead bits: a structure of which only some fields are read keeps only these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

from .rtlil import Assign, Cell, Chunk, Process, RtlilModule, Sig, Statement, Switch, Wire
from .signals import join, part, width_of

__all__ = ["drop_dead_bits", "runs_of_ones"]

_BITWISE = ("$and", "$or", "$xor", "$not")
_UPWARD = ("$add", "$sub", "$mul", "$neg", "$shl")  # a bit depends on no higher one
_OUTPUT = {"$dff": "Q", "$memrd_v2": "DATA"}


def drop_dead_bits(module: RtlilModule, is_output: Callable[[Cell, str], bool]) -> None:
    """Split registers and choices of `module` around bits that nobody reads, and drop these.

    Parameters
    ----------
    module : RtlilModule
        Changed in place.
    is_output : callable
        Tells whether a port of an instance is an output.
    """
    masks = _Liveness(module, is_output).masks()
    fields = _field_starts(module)
    pieces = {
        wire: list(_cut(runs_of_ones(mask), fields.get(wire, ())))
        for wire, mask in masks.items()
        if _can_split(module.wires[wire]) and mask & (mask + 1)
    }
    drivers = _splittable_drivers(module)
    pieces = {wire: runs for wire, runs in pieces.items() if wire in drivers}
    if pieces:
        _Splitter(module, pieces).run()


def _field_starts(module: RtlilModule) -> dict[str, set[int]]:
    """Return where the fields of each structure begin."""
    starts: dict[str, set[int]] = {}
    for alias, sig in module.connects:
        if len(sig) == 1 and sig[0].wire and "." in alias and "[" not in alias:
            starts.setdefault(sig[0].wire, set()).add(sig[0].low)
    return starts


def _cut(runs: list[tuple[int, int]], starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Cut each run where a field begins, so that every piece has a field's name."""
    for low, width in runs:
        bounds = [low, *sorted(s for s in starts if low < s < low + width), low + width]
        yield from ((start, stop - start) for start, stop in pairwise(bounds))


def _can_split(wire: Wire) -> bool:
    return not wire.port and not wire.attributes


def runs_of_ones(mask: int) -> list[tuple[int, int]]:
    """Return (low, width) of each run of ones."""
    runs = []
    low = 0
    while mask >> low:
        if mask >> low & 1:
            width = 1
            while mask >> (low + width) & 1:
                width += 1
            runs.append((low, width))
            low += width
        else:
            low += 1
    return runs


def _splittable_drivers(module: RtlilModule) -> set[str]:
    wires = {process.target for process in module.processes}
    for cell in module.cells:
        if cell.kind in ("$dff", "$mux"):
            wires.add(cell.ports[_OUTPUT.get(cell.kind, "Y")][0].wire)
    return wires


class _Liveness:
    """Which bits of each wire reach an output, an instance or a memory."""

    def __init__(self, module: RtlilModule, is_output: Callable[[Cell, str], bool]) -> None:
        self._module = module
        self._is_output = is_output
        self._masks: dict[str, int] = {}
        self._pending: list[str] = []
        self._cells: dict[str, Cell] = {}
        self._processes: dict[str, Process] = {p.target: p for p in module.processes}
        self._connects: Mapping[str, Sig] = dict(module.connects)
        for cell in module.cells:
            if cell.kind.startswith("$") and cell.kind not in ("$memwr_v2", "$meminit_v2"):
                port = _OUTPUT.get(cell.kind, "Y")
                if port in cell.ports:
                    self._cells[cell.ports[port][0].wire] = cell

    def masks(self) -> dict[str, int]:
        for wire in self._module.wires.values():
            if wire.port == "output" or (wire.attributes and not wire.port):
                self._ask((Chunk(wire.name, 0, wire.width),))
        for cell in self._module.cells:
            if cell.kind == "$memwr_v2":
                self._ask_all(cell, ("ADDR", "DATA", "EN", "CLK"))
            elif not cell.kind.startswith("$"):
                self._ask_all(cell, [p for p in cell.ports if not self._is_output(cell, p)])
        while self._pending:
            name = self._pending.pop()
            self._visit(name, self._masks[name])
        return self._masks

    def _ask(self, sig: Sig, mask: int = -1) -> None:
        low = 0
        for chunk in sig:
            wanted = (mask >> low & ((1 << chunk.width) - 1)) << chunk.low
            if chunk.wire and wanted & ~self._masks.get(chunk.wire, 0):
                self._masks[chunk.wire] = self._masks.get(chunk.wire, 0) | wanted
                self._pending.append(chunk.wire)
            low += chunk.width

    def _ask_all(self, cell: Cell, ports: Iterable[str]) -> None:
        for port in ports:
            self._ask(cell.ports[port])

    def _visit(self, wire: str, mask: int) -> None:
        if wire in self._cells:
            self._visit_cell(self._cells[wire], mask)
        elif wire in self._processes:
            self._visit_body(self._processes[wire].body, mask)
        elif wire in self._connects:
            self._ask(self._connects[wire], mask)

    def _visit_cell(self, cell: Cell, mask: int) -> None:
        if cell.kind == "$dff":
            self._ask(cell.ports["D"], mask)
            self._ask(cell.ports["CLK"])
        elif cell.kind == "$mux":
            self._ask(cell.ports["S"])
            self._ask(cell.ports["A"], mask)
            self._ask(cell.ports["B"], mask)
        elif cell.kind in _BITWISE or cell.kind in _UPWARD:
            wanted = (1 << mask.bit_length()) - 1
            for port in ("A", "B"):
                sig = cell.ports.get(port, ())
                is_amount = cell.kind == "$shl" and port == "B"
                narrow = width_of(sig) < mask.bit_length()  # extended by its highest bit
                self._ask(sig, -1 if is_amount or narrow else wanted)
        else:
            self._ask_all(cell, [p for p in cell.ports if p not in ("Y", "DATA", "ARST", "SRST")])

    def _visit_body(self, body: list[Statement], mask: int) -> bool:
        """Ask for what drives the bits in `mask`; return whether anything here does."""
        found = False
        for statement in body:
            if isinstance(statement, Assign):
                wanted = mask >> statement.target[0].low & ((1 << width_of(statement.value)) - 1)
                found |= bool(wanted)
                self._ask(statement.value, wanted)
                continue
            driving = [self._visit_body(inner, mask) for _patterns, inner in statement.cases]
            if any(driving):
                self._ask(statement.test)
                found = True
        return found


class _Splitter:
    """Replaces wires by the pieces of them that live."""

    def __init__(self, module: RtlilModule, pieces: dict[str, list[tuple[int, int]]]) -> None:
        self._module = module
        self._pieces = pieces
        self._names = {
            wire: [self._name(wire, low, width) for low, width in runs]
            for wire, runs in pieces.items()
        }

    def run(self) -> None:
        module = self._module
        module.wires = {w.name: w for old in module.wires.values() for w in self._wires(old)}
        module.cells = [cell for old in module.cells for cell in self._cells(old)]
        module.processes = [p for old in module.processes for p in self._processes(old)]
        module.connects = [(target, self._sig(sig)) for target, sig in module.connects]

    def _name(self, wire: str, low: int, width: int) -> str:
        """Name a piece after the field that it is, or that begins with it."""
        whole = self._module.wires[wire].width
        for alias, sig in self._module.connects:
            begins = len(sig) == 1 and sig[0][:2] == (wire, low)
            if begins and width <= sig[0].width < whole:
                return f"{alias}.live"
        return f"{wire}.{low}" if wire.startswith("\\") else f"{wire}_{low}"

    def _wires(self, wire: Wire) -> Iterator[Wire]:
        if wire.name not in self._pieces:
            yield wire
            return
        for (low, width), name in self._runs(wire.name):
            init = None if wire.init is None else wire.init >> low & ((1 << width) - 1)
            yield Wire(name, width, "", init)

    def _runs(self, wire: str) -> Iterator[tuple[tuple[int, int], str]]:
        return zip(self._pieces[wire], self._names[wire], strict=True)

    def _sig(self, sig: Sig) -> Sig:
        if not any(chunk.wire in self._pieces for chunk in sig):
            return sig
        return join(piece for chunk in sig for piece in self._chunk(chunk))

    def _chunk(self, chunk: Chunk) -> Iterator[Chunk]:
        if chunk.wire not in self._pieces:
            yield chunk
            return
        at, top = chunk.low, chunk.low + chunk.width
        for (low, width), name in self._runs(chunk.wire):
            start, stop = max(at, low), min(top, low + width)
            if start < stop:
                yield Chunk("", 0, start - at)
                yield Chunk(name, start - low, stop - start)
                at = stop
        yield Chunk("", 0, top - at)

    def _cells(self, cell: Cell) -> Iterator[Cell]:
        output = _OUTPUT.get(cell.kind, "Y")
        target = cell.ports.get(output, ())
        if not target or target[0].wire not in self._pieces or cell.kind not in ("$dff", "$mux"):
            cell.ports = {port: self._sig(sig) for port, sig in cell.ports.items()}
            yield cell
            return
        for (low, width), name in self._runs(target[0].wire):
            ports = {
                port: self._sig(part(sig, low, width) if port in ("D", "A", "B") else sig)
                for port, sig in cell.ports.items()
                if port != output
            }
            ports[output] = (Chunk(name, 0, width),)
            yield Cell(cell.kind, f"{cell.name}_{low}", cell.parameters, ports)

    def _processes(self, process: Process) -> Iterator[Process]:
        target = process.target
        if target not in self._pieces:
            width = self._module.wires[target].width
            yield Process(list(self._body(process.body, target, 0, width, target)))
            return
        for (low, width), name in self._runs(target):
            yield Process(list(self._body(process.body, target, low, width, name)))

    def _body(
        self, body: list[Statement], target: str, low: int, width: int, name: str
    ) -> Iterator[Statement]:
        """Return the statements that drive `width` bits from `low`, as those of wire `name`."""
        for statement in body:
            if isinstance(statement, Switch):
                cases = [
                    (patterns, list(self._body(inner, target, low, width, name)))
                    for patterns, inner in statement.cases
                ]
                yield Switch(self._sig(statement.test), cases)
                continue
            start = statement.target[0].low
            first, last = max(start, low), min(start + width_of(statement.value), low + width)
            if first < last:
                value = self._sig(part(statement.value, first - start, last - first))
                yield Assign((Chunk(name, first - low, last - first),), value)
