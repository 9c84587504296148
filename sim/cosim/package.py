"""The test bench of one design as files that need only cocotb and Verilator to run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .model import BENCH, Design, stream_bits
from .stimulus import GemmCase, write_stimulus
from .verify import random_cases

__all__ = ["bench_files", "result_beats"]

_COPIED = ("kiln_tb.v", "kiln_test.py", "run_tests.py")


def bench_files(
    design: Design, config: Any, *, cases: Sequence[GemmCase] | None = None, seed: int = 0
) -> dict[str, bytes]:
    """Return file name to content of a folder in which ``python run_tests.py`` checks `design`.

    The Verilog is expected in ``../verilog/*.v``.

    Parameters
    ----------
    design : Design
        The exported design.
    config : MatrixConfig
        Its configuration.
    cases : sequence of GemmCase, optional
        What to run; four small ragged products, two of them with pauses, by default.
    seed : int
        Seed of these.
    """
    chosen = list(cases) if cases is not None else _default_cases(config, seed)
    with tempfile.TemporaryDirectory(prefix="kiln-bench-") as name:
        folder = Path(name)
        write_stimulus(folder, config, chosen)
        plan = json.loads((folder / "jobs.json").read_text())
        files = {stream: (folder / stream).read_bytes() for stream in ("a.bin", "b.bin")}
    for job, case in zip(plan["jobs"], chosen, strict=True):
        job["cycles"] = config.cycles(case.job, stalls=case.stalls).total
    plan |= {"top": design.top, "parameters": stream_bits(design)}
    rows = [row for case in chosen for row in _expected_rows(config, case)]
    return {
        **{name: (BENCH / name).read_bytes() for name in _COPIED},
        **files,
        "jobs.json": json.dumps(plan, indent=1).encode(),
        "expected.txt": "".join(f"{row}\n" for row in rows).encode(),
    }


def _default_cases(config: Any, seed: int) -> list[GemmCase]:
    small = replace(config, a_depth=64, b_depth=64)  # only the shapes are drawn from it
    return [
        replace(case, job=config.plan(case.job.m, case.job.k, case.job.n, case.job.mode))
        for case in random_cases(small, 4, seed=seed)
    ]


def _expected_rows(config: Any, case: GemmCase) -> list[str]:
    """Return the result stream as the test bench writes it: ``last keep data``, hexadecimal."""
    size = -(-config.result_bits // 8)
    values, valid = result_beats(config, case)
    lanes = np.ascontiguousarray(values.astype("<i8")).view(np.uint8)
    data = lanes.reshape(*values.shape, 8)[:, :, :size].reshape(len(values), -1)[:, ::-1]
    digits = -(-config.cols * size // 4)
    rows = []
    for at, row in enumerate(data):
        keep = (1 << int(valid[at].sum()) * size) - 1
        rows.append(f"{int(at == len(data) - 1)} {keep:0{digits}x} {row.tobytes().hex()}")
    return rows


def result_beats(config: Any, case: GemmCase) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the lanes of the result stream, ``[out_rows, cols]``, and which of them are valid.

    Where each element lies follows from unpacking a stream of its own indices.
    """
    shape = (case.job.out_rows, config.cols)
    indices = np.arange(shape[0] * shape[1]).reshape(shape)
    where = config.arrange(case.job, indices).ravel()
    values = np.zeros(shape, dtype=np.int64)
    valid = np.zeros(shape, dtype=np.bool_)
    values.flat[where] = config.golden(case.job, (case.A, case.B)).ravel()
    valid.flat[where] = True
    return values, valid
