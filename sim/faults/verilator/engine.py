"""The Verilator engine: an experiment compiled by Verilator, faults one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.contracts import scratch_folder
from sim.faults.experiment import Experiment
from sim.faults.fault import FAULT
from sim.faults.outcome import OUTCOME
from sim.faults.records import check_cycles, run_program, watched_rows
from sim.faults.sites import NET

from .compile import compiled
from .files import input_bytes, read_outputs
from .source import write_source

__all__ = ["VerilatorEngine"]


class VerilatorEngine:
    """An `Engine` that shares no code with the others but the reading of the netlist.

    It keeps the model before every cycle of the run without a fault. For each fault it copies one
    of them back, puts the fault in, settles, and runs until the model equals the kept one.

    Parameters
    ----------
    experiment : Experiment
        What is run.
    settle : bool
        False leaves out settling after the fault: an engine that is wrong, to test tests with.
    optimize : str
        Of the C++ compiler.
    cells : str
        Verilog of cells that are not Yosys' own.
    outputs : dict of str to str
        The output pin of each of those.

    Raises
    ------
    KilnError
        The design does not compile.
    """

    name = "verilator"

    def __init__(
        self,
        experiment: Experiment,
        *,
        settle: bool = True,
        optimize: str = "-O2",
        cells: str = "",
        outputs: Mapping[str, str] | None = None,
    ) -> None:
        self.experiment, self.settle, self.optimize = experiment, settle, optimize
        self._cells, self._outputs = cells, outputs

    @cached_property
    def _plain(self) -> Path:
        return self._program(nets=False)

    @cached_property
    def _masked(self) -> Path:
        return self._program(nets=True)

    def _program(self, nets: bool) -> Path:
        netlist = self.experiment.netlist
        source = write_source(netlist, nets=nets, cells=self._cells, outputs=self._outputs)
        return compiled(source, self.optimize)

    def trace(self) -> list[dict[str, int]]:
        """Return the outputs of every cycle, without a fault."""
        with scratch_folder() as folder:
            (folder / "inputs").write_bytes(input_bytes(self.experiment))
            masked = "_masked" in vars(self)  # either does: rather the one that is there
            program = self._masked if masked else self._plain
            run_program(self.name, program, folder, "trace", "inputs", "outputs")
            data = (folder / "outputs").read_bytes()
        return read_outputs(data, self.experiment.netlist.outputs, self.experiment.cycles)

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        """Return the `OUTCOME` of each `FAULT`, in the order given.

        Raises
        ------
        ConfigError
            A fault after the last cycle.
        """
        check_cycles(self.experiment, faults)
        order = np.argsort(faults["cycle"], kind="stable")
        masked = bool(np.any(faults["place"]["kind"] == NET))
        program = self._masked if masked else self._plain
        with scratch_folder() as folder:
            (folder / "inputs").write_bytes(input_bytes(self.experiment))
            watched_rows(self.experiment).tofile(folder / "observation")
            np.ascontiguousarray(faults[order], dtype=FAULT).tofile(folder / "faults")
            names = ("inputs", "observation", "faults", "outcomes", str(int(self.settle)))
            run_program(self.name, program, folder, "inject", *names)
            found = np.fromfile(folder / "outcomes", dtype=OUTCOME)
        outcomes = np.empty(len(faults), dtype=OUTCOME)
        outcomes[order] = found
        return outcomes
