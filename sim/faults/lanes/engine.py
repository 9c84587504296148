"""The lanes engine: a design compiled such that every vector holds as many faulty copies of it.

Exact and, for what it does, lazy: each cycle evaluates only what can differ from the run without a
fault, and every way to differ only once, however many faults lead to it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.contracts import scratch_folder
from sim.programs import compile_native

from ..experiment import Experiment
from ..fault import FAULT
from ..outcome import NEVER, OUTCOME
from ..records import RECORDS, check_cycles, run_program
from .emit import emit
from .words import PIECE

__all__ = ["VALUE", "LanesEngine"]

VALUE = np.dtype(
    [
        ("fault", "<u4"),
        ("cycle", "<u4"),
        ("output", "<u4"),
        ("piece", "<u4"),
        ("want", "<u8"),
        ("got", "<u8"),
    ]
)
"""A wrong value: of fault number `fault`, in `cycle`, on output number `output` (of
`Frozen.outputs`), its 64 bits number `piece`: what it is without the fault and with it."""

_SOURCES = ("lanes.cpp", "batch.h", "golden.h", "level.h", "tables.h", "vectors.h")
_RUNTIME = [*(Path(__file__).with_name(name) for name in _SOURCES), RECORDS]
_DATA, _CONTROL, _DETECTOR, _CORRECTOR = range(4)
_PORT = ("output", "role", "valid", "ready", "field_bits", "signed")


@dataclass(frozen=True, slots=True)
class Effort:
    """What injections took: faults, and cycles of single copies that were evaluated for them."""

    faults: int
    evaluated: int


class LanesEngine:
    """An experiment, compiled.

    Parameters
    ----------
    experiment : Experiment
        Design, inputs and what counts.
    lanes : int
        Copies at once: a multiple of 8.

    Members
    -------
    effort : Effort
        Of all injections so far.

    Raises
    ------
    ConfigError
        A cell that is not supported, by name.
    """

    name = "lanes"

    def __init__(self, experiment: Experiment, *, lanes: int = 32) -> None:
        self.experiment = experiment
        self._lanes = lanes
        self._emitted = emit(experiment.netlist)
        code = {"design.inc": self._emitted.code}
        self._program = compile_native("lanes", _RUNTIME, code, [f"-DLANES={lanes}"])
        self.effort = Effort(0, 0)
        self._lock = threading.Lock()

    @cached_property
    def _rows(self) -> NDArray[np.uint64]:
        """Number of cycles, then the inputs of each, 64 bits at a time."""
        ports = self.experiment.netlist.inputs
        mask = (1 << PIECE) - 1
        rows = [
            step.get(port.name, 0) >> low & mask
            for step in self.experiment.inputs
            for port in ports
            for low in range(0, len(port.bits), PIECE)
        ]
        return np.array([self.experiment.cycles, *rows], dtype=np.uint64)

    def trace(self) -> list[dict[str, int]]:
        """Return the outputs of every cycle, without a fault."""
        outputs = self.experiment.netlist.outputs
        with scratch_folder() as folder:
            self._run(folder, "trace", "outputs")
            found = np.fromfile(folder / "outputs", dtype=np.uint64)
        steps = []
        for row in found.reshape(self.experiment.cycles, -1).tolist():
            pieces = iter(row)
            steps.append(
                {
                    port.name: sum(next(pieces) << low for low in range(0, len(port.bits), PIECE))
                    for port in outputs
                }
            )
        return steps

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        """Return the `OUTCOME` of each `FAULT`."""
        return self._inject(faults, values=False)[0]

    def values(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        """Return every wrong `VALUE` that faults lead to, while it counts."""
        return self._inject(faults, values=True)[1]

    def _inject(
        self, faults: NDArray[np.void], *, values: bool
    ) -> tuple[NDArray[np.void], NDArray[np.void]]:
        if faults.dtype != FAULT:
            raise TypeError(f"faults are of {faults.dtype}, not FAULT")
        check_cycles(self.experiment, faults)
        order = np.argsort(faults["cycle"], kind="stable")
        with scratch_folder() as folder:
            self._ports().tofile(folder / "ports")
            faults[order].tofile(folder / "faults")
            names = ["ports", "faults", "outcomes", *(["values"] if values else [])]
            said = self._run(folder, "inject", *names)
            found = np.fromfile(folder / "outcomes", dtype=OUTCOME)
            wrong = np.fromfile(folder / "values", dtype=VALUE) if values else np.zeros(0, VALUE)
        count, evaluated = (int(text) for text in said.split())
        with self._lock:
            self.effort = Effort(self.effort.faults + count, self.effort.evaluated + evaluated)
        outcomes = np.empty_like(found)
        outcomes[order] = found
        wrong["fault"] = order[wrong["fault"]]
        return outcomes, wrong

    def _ports(self) -> NDArray[np.uint32]:
        """Return what is observed, a row of `_PORT` for each output."""
        experiment, tables = self.experiment, self._emitted.tables
        number = {port.name: at for at, port in enumerate(experiment.netlist.outputs)}
        words = {name: int(tables["outputs"][at][0]) for name, at in number.items()}
        at = 0
        for port in experiment.netlist.inputs:
            words[port.name] = int(tables["inputs"][at][0])
            at += -(-len(port.bits) // PIECE)
        observed = experiment.observation
        rows = [
            (
                number[w.port],
                _DATA,
                words[w.valid] if w.valid else NEVER,
                words[w.ready] if w.ready else NEVER,
                w.field_bits,
                int(w.signed),
            )
            for w in observed.data
        ]
        plain = [(name, _CONTROL) for name in observed.control]
        plain += [(name, _DETECTOR) for name in observed.detectors]
        plain += [(name, _CORRECTOR) for name in observed.correctors]
        rows += [(number[name], role, NEVER, NEVER, 0, 0) for name, role in plain]
        return np.array(rows, dtype=np.uint32).reshape(-1, len(_PORT))

    def _run(self, folder: Path, command: str, *names: str) -> str:
        tables = folder / "tables"
        tables.mkdir()
        _save(self._emitted.tables, tables)
        self._rows.tofile(folder / "inputs")
        return run_program(self.name, self._program, folder, command, "tables", "inputs", *names)


def _save(tables: Mapping[str, NDArray[np.generic]], folder: Path) -> None:
    for name, table in tables.items():
        table.tofile(folder / name)
