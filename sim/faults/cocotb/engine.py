"""The cocotb engine: an experiment on the design's own Verilog."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Sources, sources_of
from hw.contracts import ConfigError, KilnError, make_folder, scratch_folder
from sim.cosim.runner import run_module, tail
from sim.cosim.tools import tool_identity, verilator_environment
from sim.faults.experiment import Experiment
from sim.faults.fault import ALWAYS
from sim.faults.outcome import OUTCOME
from sim.faults.records import check_cycles
from sim.faults.sites import FLOP, MEMORY
from sim.programs import made_once

from .outcomes import outcome_of

__all__ = ["CocotbEngine"]

BENCH = Path(__file__).parent / "bench"
TOP = "kiln_bench"
_MODULE = "kiln_faults"
_LIMIT_S = 3600.0
_PART = re.compile(r"(.*)\[(\d+):(\d+)\]")


class CocotbEngine:
    """An `Engine` that plays the original Verilog and deposits faults through cocotb.

    It reaches the flip-flops and memories whose names are signals of the Verilog, and no nets; a
    design of which it does not reach all is refused, since its state cannot be compared. Some
    hundreds of faults take a minute; it is there for samples.

    Parameters
    ----------
    experiment : Experiment
        What is run.
    sources : Sources, str or Path
        The Verilog of which the experiment's netlist was made.

    Raises
    ------
    KilnError
        The Verilog does not compile.
    """

    name = "cocotb"

    def __init__(self, experiment: Experiment, sources: Sources | str | Path) -> None:
        self.experiment, self.sources = experiment, sources_of(sources)

    @cached_property
    def _words(self) -> list[tuple[str, int, int]]:
        """Signal, lowest bit in it and rows (0: no memory) of every flip-flop word and memory."""
        netlist = self.experiment.netlist
        words = []
        for flop in netlist.flops:
            match = _PART.fullmatch(flop.name)
            words.append((match[1], int(match[3]), 0) if match else (flop.name, 0, 0))
        return [*words, *((memory.name, 0, memory.size) for memory in netlist.memories)]

    def trace(self) -> list[dict[str, int]]:
        """Return the outputs of every cycle, without a fault."""
        return self._steps(self._played([])[0])

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        """Return the `OUTCOME` of each `FAULT`, in the order given.

        Raises
        ------
        ConfigError
            A fault on a net or after the last cycle, or registers that are no signals.
        """
        check_cycles(self.experiment, faults)
        if not np.isin(faults["place"]["kind"], (FLOP, MEMORY)).all():
            raise ConfigError("cocotb reaches flip-flops and memories, no nets; use another engine")
        order = np.argsort(faults["cycle"], kind="stable")
        golden, *found = self._played([self._fault(fault) for fault in faults[order]])
        steps = self._steps(golden)
        outcomes = np.empty(len(faults), dtype=OUTCOME)
        for at, result in zip(order, found, strict=True):
            outcomes[at] = outcome_of(
                self.experiment,
                steps,
                self._steps(result),
                start=int(faults[at]["cycle"]),
                state=result["state"] != golden["state"],
            )
        return outcomes

    def _steps(self, found: dict[str, Any]) -> list[dict[str, int]]:
        names = [port.name for port in self.experiment.netlist.outputs]
        return [dict(zip(names, row, strict=True)) for row in found["seen"]]

    def _fault(self, fault: np.void) -> dict[str, Any]:
        """Return a fault as the test reads it: the bits that are hit in each row."""
        place, netlist = fault["place"], self.experiment.netlist
        at = int(place["word"])
        if place["kind"] == FLOP:
            width, rows, word = len(netlist.flops[at].q), 1, at
        else:
            width, rows = netlist.memories[at].width, netlist.memories[at].size
            word = len(netlist.flops) + at
        bits: dict[int, int] = {}
        for offset in range(16):
            row, bit = int(place["row"]) + offset // 4, int(place["bit"]) + offset % 4
            if int(fault["pattern"]) >> offset & 1 and row < rows and bit < width:
                bits[row] = bits.get(row, 0) | 1 << (bit + self._words[word][1])
        length, cycle = int(fault["length"]), int(fault["cycle"])
        until = self.experiment.cycles if length == ALWAYS else cycle + length
        hits = [(word, row, mask) for row, mask in bits.items()]
        model = int(fault["model"])
        return {
            "cycle": cycle,
            "until": max(until, cycle + (not model)),
            "model": model,
            "hits": hits,
        }

    def _played(self, faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what was seen without a fault, then with each."""
        netlist = self.experiment.netlist
        names = [port.name for port in netlist.inputs]
        number = {port.name: f"p{at}" for at, port in enumerate(netlist.ports)}
        plan = {
            "clock": number.get(netlist.clock, ""),
            "inputs": [number[name] for name in names],
            "outputs": [number[port.name] for port in netlist.outputs],
            "words": [(name, rows) for name, _, rows in self._words],
            "steps": [[step.get(name, 0) for name in names] for step in self.experiment.inputs],
            "faults": faults,
        }
        with scratch_folder() as folder:
            self.sources.place_in(folder)
            (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
            self._run(folder)
            results = ["golden", *map(str, range(len(faults)))]
            return [json.loads((folder / name).read_text("utf-8")) for name in results]

    def _run(self, folder: Path) -> None:
        ended = run_module(
            _MODULE, TOP, bench=BENCH, model=self._model, folder=folder, limit_s=_LIMIT_S
        )
        unknown = folder / "unknown.json"
        if unknown.exists():
            names = json.loads(unknown.read_text("utf-8"))
            raise ConfigError(
                f"{len(names)} registers of {self.experiment.netlist.top} are no signals of the "
                f"Verilog by themselves, such as {names[0]} (a field of a packed structure is none "
                "either), which cocotb cannot reach; use another engine"
            )
        if ended.failure is not None or ended.stopped or not (folder / "done").exists():
            raise KilnError(
                f"the experiment on cocotb failed ({ended.failure}):\n{ended.log}"
            ) from ended.failure

    @cached_property
    def _model(self) -> Path:
        """The folder of the compiled simulator."""

        def make(work: Path) -> Path:
            self._build(work)
            done = make_folder(work / "done")
            (work / "build" / TOP).rename(done / TOP)
            return done

        return made_once("cocotb", [self._wrapper, self.sources.digest, tool_identity()], make)

    @property
    def _wrapper(self) -> str:
        """A module around the design: a register that is an output port itself keeps no deposit."""
        netlist = self.experiment.netlist
        ports = [
            f"{'input' if port.is_input else 'output'} [{len(port.bits) - 1}:0] p{at}"
            for at, port in enumerate(netlist.ports)
        ]
        joined = [f".\\{port.name} (p{at})" for at, port in enumerate(netlist.ports)]
        values = [f".{name}({value})" for name, value in self.sources.parameters.items()]
        given = f"#({', '.join(values)}) " if values else ""
        instance = f"\\{netlist.top} {given}dut({', '.join(joined)});"
        return f"module {TOP}({', '.join(ports)});\n{instance}\nendmodule\n"

    def _build(self, work: Path) -> None:
        from cocotb_tools.runner import get_runner

        self.sources.place_in(work)
        (work / f"{TOP}.v").write_text(self._wrapper, "utf-8")
        log = work / "build.log"
        try:
            with verilator_environment():
                get_runner("verilator").build(
                    sources=[work / f"{TOP}.v", *(work / path for path in self.sources.paths)],
                    includes=[work / path for path in self.sources.folders],
                    defines=dict(self.sources.defines),
                    hdl_toplevel=TOP,
                    build_dir=work / "build",
                    build_args=["-Wno-fatal", "--no-timing", "--x-assign", "0", "--x-initial", "0"],
                    log_file=log,
                )
        except (RuntimeError, SystemExit) as error:
            raise KilnError(f"the design does not compile ({error}):\n{tail(log)}") from error
