"""The gates engine: hundreds of copies of a mapped netlist, a bit for each in every net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.contracts import scratch_folder
from sim.faults.experiment import Experiment
from sim.faults.fault import FLIP
from sim.faults.outcome import OUTCOME
from sim.faults.records import RECORDS, check_cycles, run_program, watched_rows
from sim.faults.sites import FLOP, MEMORY, NET
from sim.programs import compile_native

from .cells import operations
from .mapping import map_gates
from .matching import Gates
from .program import write_program

__all__ = ["GatesEngine"]

RUNTIME = Path(__file__).with_name("gates.cpp")
_NET = 0xFFFFFFFF  # in place of a memory

_FAULT = np.dtype([(name, "<u4") for name in ("cycle", "length", "model", "item", "items")])
_ITEM = np.dtype([(name, "<u4") for name in ("memory", "where", "row", "bit")])


class GatesEngine:
    """An `Engine` on library cells.

    Places of flip-flops and memories are those of the experiment's netlist; `NET` places are
    those of `gate_sites(engine.gates)`: their word is an index of ``engine.gates.netlist.cells``.

    Parameters
    ----------
    experiment : Experiment
        What is run; its netlist is mapped, unless it comes mapped.
    gates : Gates, optional
        The mapped netlist.
    lanes : int
        Copies at once, one of them without a fault: a multiple of 64.

    Raises
    ------
    ConfigError
        A flip-flop of the netlist has none of its own in the mapped one.
    """

    name = "gates"

    def __init__(
        self, experiment: Experiment, *, gates: Gates | None = None, lanes: int = 512
    ) -> None:
        self.experiment = experiment
        self.gates = gates or map_gates(experiment.netlist)
        known = operations(self.gates.library)
        self._program = write_program(self.gates.netlist, known.numbers)
        self._lanes = lanes
        self._binary = compile_native(
            "gates-engine", [RUNTIME, RECORDS], {"cells.inc": known.code}, [f"-DLANES={lanes}"]
        )

    def trace(self) -> list[dict[str, int]]:
        """Return the outputs of every cycle, without a fault."""
        ports = self.gates.netlist.ports
        with scratch_folder() as folder:
            self._write(folder)
            names = ("design", "inputs", "outputs")
            run_program(self.name, self._binary, folder, "trace", *names)
            bits = np.fromfile(folder / "outputs", dtype=np.uint8)
        rows = bits.reshape(self.experiment.cycles, -1)
        ends = np.cumsum([len(port.bits) for port in ports]).tolist()
        return [
            {
                port.name: _number(row[end - len(port.bits) : end])
                for port, end in zip(ports, ends, strict=True)
                if not port.is_input
            }
            for row in rows
        ]

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        """Return the `OUTCOME` of each `FAULT`, in the order given.

        Raises
        ------
        ConfigError
            A fault after the last cycle.
        """
        check_cycles(self.experiment, faults)
        order = self._order(faults)
        listed, items = self._translated(faults[order])
        with scratch_folder() as folder:
            self._write(folder)
            watched_rows(self.experiment).tofile(folder / "observation")
            listed.tofile(folder / "faults")
            items.tofile(folder / "items")
            files = ("design", "inputs", "observation", "faults", "items", "outcomes")
            run_program(self.name, self._binary, folder, "inject", *files)
            found = np.fromfile(folder / "outcomes", dtype=OUTCOME)
        outcomes = np.empty(len(faults), dtype=OUTCOME)
        outcomes[order] = found
        return outcomes

    def _order(self, faults: NDArray[np.void]) -> NDArray[np.int64]:
        """Return faults by place, since neighbours make the same gates differ; in each batch, by
        cycle."""
        place = faults["place"]
        order = np.lexsort(
            (faults["cycle"], place["bit"], place["row"], place["word"], place["kind"])
        )
        batch = np.arange(len(faults)) // (self._lanes - 1)
        found: NDArray[np.int64] = order[np.lexsort((faults["cycle"][order], batch))]
        return found

    def _write(self, folder: Path) -> None:
        self._program.numbers.tofile(folder / "design")
        ports = self.experiment.netlist.inputs
        width = sum(len(port.bits) for port in ports)
        rows = b""
        for step in self.experiment.inputs:
            value, at = 0, 0
            for port in ports:
                value |= step.get(port.name, 0) << at
                at += len(port.bits)
            rows += value.to_bytes(max(1, -(-width // 8)), "little")
        (folder / "inputs").write_bytes(rows)

    def _translated(self, faults: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Return faults as the program reads them, and their items in the same order."""
        place = faults["place"]
        parts, owners = [], []
        for offset in range(16):
            hit = np.flatnonzero(faults["pattern"] >> offset & 1)
            row = place["row"][hit].astype(np.int64) + offset // 4
            bit = place["bit"][hit].astype(np.int64) + offset % 4
            found, inside = self._items(place["kind"][hit], place["word"][hit], row, bit)
            parts.append(found[inside])
            owners.append(hit[inside])
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        counts = np.bincount(owner, minlength=len(faults))
        listed = np.zeros(len(faults), dtype=_FAULT)
        listed["cycle"], listed["model"] = faults["cycle"], faults["model"]
        lasting = (place["kind"] == NET) | (faults["model"] != FLIP)
        listed["length"] = np.where(lasting, faults["length"], 0)
        listed["items"] = np.where(lasting & (faults["length"] == 0), 0, counts)
        listed["item"] = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(faults) else 0
        return listed, np.concatenate(parts)[order]

    def _items(
        self,
        kind: NDArray[np.uint8],
        word: NDArray[np.uint32],
        row: NDArray[np.int64],
        bit: NDArray[np.int64],
    ) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
        """Return the item of each place, and whether the place exists."""
        found = np.zeros(len(kind), dtype=_ITEM)
        found["memory"], found["row"], found["bit"] = _NET, row, bit
        inside = np.zeros(len(kind), dtype=bool)
        gates, program = self.gates, self._program
        widths = np.array([len(flop.q) for flop in gates.netlist.flops], dtype=np.int64)
        firsts = np.cumsum([0, *widths])[:-1]

        at = np.flatnonzero((kind == NET) & (row == 0) & (bit == 0))
        found["where"][at] = program.cells[word[at]]
        inside[at] = True
        at = np.flatnonzero((kind == FLOP) & (row == 0))
        at = at[bit[at] < widths[word[at]]]
        found["where"][at] = program.flops[firsts[word[at]] + bit[at]]
        inside[at] = True
        for index, (memory, where) in enumerate(
            zip(gates.source.memories, gates.memories, strict=True)
        ):
            at = np.flatnonzero(
                (kind == MEMORY) & (word == index) & (row < memory.size) & (bit < memory.width)
            )
            inside[at] = True
            if where < 0:
                found["where"][at] = program.flops[firsts[-1 - where + row[at]] + bit[at]]
            else:
                found["memory"][at] = where
        return found, inside


def _number(bits: NDArray[np.uint8]) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
