"""The lanes engine: a design compiled such that every vector holds as many faulty copies of it."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Frozen
from hw.contracts import KilnError, make_folder, scratch_folder
from sim.cosim.tools import cache_root

from .emit import Emitted, emit
from .words import PIECE

__all__ = ["NEVER", "LanesEngine", "Outcomes", "flop_faults"]

RUNTIME = Path(__file__).with_name("lanes.cpp")
NEVER = 0xFFFFFFFF
"""In place of a cycle: the outputs never differed."""

_FLAGS = ("-O2", "-march=native", "-std=c++17", "-fno-strict-aliasing", "-Wno-psabi")
_EVERY = 4  # cycles between looks whether all lanes are as lane 0 again
_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of faults, ``[faults]``.

    Members
    -------
    data, control : array of uint32
        First cycle in which valid data, and a handshake, differed from the design without fault;
        `NEVER` if none did.
    differs : array of bool
        Whether the state differed at the end.
    """

    data: NDArray[np.uint32]
    control: NDArray[np.uint32]
    differs: NDArray[np.bool_]


class LanesEngine:
    """A frozen design, compiled.

    Parameters
    ----------
    netlist : Frozen
        The design.
    lanes : int
        Copies at once, one of them without a fault: a multiple of 8.
    """

    def __init__(self, netlist: Frozen, *, lanes: int = 32) -> None:
        self.netlist = netlist
        self.emitted: Emitted = emit(netlist)
        self._program = _compiled(self.emitted.code, lanes)

    def rows(self, inputs: list[dict[str, int]]) -> NDArray[np.uint64]:
        """Return the inputs of each cycle as the program reads them; what is not named is 0."""
        return np.array(
            [
                [
                    step.get(port.name, 0) >> low & ((1 << PIECE) - 1)
                    for port in self.netlist.inputs
                    for low in range(0, len(port.bits), PIECE)
                ]
                for step in inputs
            ],
            dtype=np.uint64,
        )

    def trace(self, inputs: list[dict[str, int]]) -> list[dict[str, int]]:
        """Return the outputs of every cycle, without a fault."""
        with scratch_folder() as folder:
            self.rows(inputs).tofile(folder / "inputs")
            self._run(folder, "trace", "inputs", "outputs")
            found = np.fromfile(folder / "outputs", dtype=np.uint64).reshape(len(inputs), -1)
        steps = []
        for row in found.tolist():
            pieces = iter(row)
            steps.append(
                {
                    port.name: sum(next(pieces) << low for low in range(0, len(port.bits), PIECE))
                    for port in self.netlist.outputs
                }
            )
        return steps

    def inject(self, inputs: list[dict[str, int]], faults: NDArray[np.uint32]) -> Outcomes:
        """Return the outcomes of single upsets, as of `flop_faults`, sorted by cycle."""
        with scratch_folder() as folder:
            self.rows(inputs).tofile(folder / "inputs")
            np.ascontiguousarray(faults, dtype=np.uint32).tofile(folder / "faults")
            self._run(folder, "inputs", "faults", "outcomes", str(_EVERY))
            found = np.fromfile(folder / "outcomes", dtype=np.uint32).reshape(-1, 4)
        return Outcomes(found[:, 0], found[:, 1], found[:, 2] != 0)

    def _run(self, folder: Path, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._program), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
        if done.returncode:
            raise KilnError(f"the fault engine ended with {done.returncode}: {done.stderr.strip()}")


def flop_faults(engine: LanesEngine, cycles: range) -> NDArray[np.uint32]:
    """Return an upset of every flip-flop bit in every one of `cycles`.

    Columns: cycle, element size, index and bit, as the program finds them.
    """
    sites = [
        (place.size, place.index, bit)
        for places in engine.emitted.flops
        for place in places
        for bit in range(place.width)
    ]
    every = np.array(sites, dtype=np.uint32)
    return np.concatenate(
        [np.column_stack([np.full(len(every), cycle, np.uint32), every]) for cycle in cycles]
    )


def _processor() -> str:
    """Return what tells processors apart that programs are compiled for."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {flags}"


def _compiled(code: str, lanes: int) -> Path:
    """Return the program, from the cache if it is there."""
    text = "\0".join([code, RUNTIME.read_text("utf-8"), str(lanes), *_FLAGS, _processor()])
    target = make_folder(cache_root() / "lanes") / hashlib.sha256(text.encode()).hexdigest()[:32]
    if target.exists():
        return target
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        (work / "design.inc").write_text(code, "utf-8")
        command = ["c++", *_FLAGS, f"-DLANES={lanes}", "-I", str(work), str(RUNTIME)]
        done = subprocess.run(
            [*command, "-o", str(work / "lanes")], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise KilnError(f"the fault engine does not compile:\n{done.stderr[-3000:]}")
        (work / "lanes").rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target
