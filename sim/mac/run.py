"""Exported multiply-accumulate units on Verilator, millions of elements at a time."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.contracts import scratch_folder
from hw.export import ExportedDesign
from sim.cosim import CosimBuildError, CosimError
from sim.cosim.tools import tool_identity, verilator_binary, verilator_environment
from sim.programs import made_once

__all__ = ["Run", "compile_unit", "run_elements"]

DRIVER = Path(__file__).with_name("driver.cpp")
_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What came out.

    Members
    -------
    words : array of uint32, ``[results, words]``
        Data of the results, in the order in which they came.
    cycles : array of int, ``[results]``
        When each was transferred; the first element was offered in cycle 0.
    """

    words: NDArray[np.uint32]
    cycles: NDArray[np.int64]


def compile_unit(design: ExportedDesign, *, optimize: str = "-O1") -> Path:
    """Return the simulator of `design`, an executable, from the cache if it is there."""

    def make(work: Path) -> Path:
        source = work / f"{design.top}.v"
        source.write_text(design.verilog)
        flags = f'-DKILN_HEADER=\\"V{design.top}.h\\" -DKILN_TOP=V{design.top}'
        command = [str(verilator_binary()), "--cc", "--exe", "--build", "-j", "1", "-Wno-fatal"]
        command += ["--top-module", design.top, "-Mdir", str(work / "build"), "-CFLAGS", flags]
        command += ["-o", "unit", str(source), str(DRIVER)]
        with verilator_environment(optimize):
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=dict(os.environ)
            )
        if done.returncode:
            said = (done.stdout + done.stderr)[-3000:]
            raise CosimBuildError(f"the design {design.top!r} does not compile:\n{said}")
        return work / "build" / "unit"

    parts = [design.top, design.verilog, DRIVER.read_text(), tool_identity(), optimize]
    return made_once("mac", parts, make)


def run_elements(
    design: ExportedDesign,
    words: NDArray[np.uint32],
    last: ArrayLike,
    *,
    offer: int = 100,
    take: int = 100,
    seed: int = 1,
    optimize: str = "-O1",
) -> Run:
    """Feed elements to the exported Verilog of a unit; return its results.

    Parameters
    ----------
    design : ExportedDesign
        What `hw.export.export` returned for a `hw.mac.MacConfig`.
    words : array of uint32, ``[elements, words]``
        What `hw.mac.pack_elements` returned.
    last : array_like of bool, ``[elements]``
        Which elements end a dot product.
    offer, take : int
        Percentage of cycles in which the producer has an element, and the consumer is ready.

    Raises
    ------
    CosimError
        A result changed or was withdrawn while it waited, or nothing moved any more.
    """
    unit = compile_unit(design, optimize=optimize)
    wide = next(port.width for port in design.ports if port.name == "m_axis_tdata")
    columns = -(-wide // 32)
    header = np.array([words.shape[1], columns], dtype=np.uint32)
    rows = np.concatenate([words, np.asarray(last, dtype=np.uint32)[:, None]], axis=1)
    with scratch_folder() as folder:
        (folder / "in").write_bytes(header.tobytes() + np.ascontiguousarray(rows).tobytes())
        done = subprocess.run(
            [str(unit), "in", "out", str(offer), str(take), str(seed)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
        if done.returncode:
            raise CosimError(f"{design.top}: {done.stderr.strip()}")
        found = np.fromfile(folder / "out", dtype=np.uint32).reshape(-1, 1 + columns)
    return Run(words=found[:, 1:], cycles=found[:, 0].astype(np.int64))
