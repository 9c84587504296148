"""Configuration of `toy.v`, a GEMM engine small enough to reason about, with the real streams."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

ToyJob = namedtuple("ToyJob", "m k n a_words b_words out_rows mode", defaults=[""])
DEFECTS = ("none", "sum", "hang", "withdraw", "change", "last", "keep")


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    rows: int = 4
    cols: int = 4
    operand_bits: int = 8
    result_bits: int = 32
    defect: str = "none"

    def plan(self, m, k, n):
        tiles = -(-m // self.rows) * -(-n // self.cols)
        return ToyJob(m, k, n, tiles * k, tiles * k, m * -(-n // self.cols))

    def descriptor(self, job):
        return job.m | job.k << 16 | job.n << 32 | DEFECTS.index(self.defect) << 48

    def _tiles(self, job):
        return [(p, q) for p in range(0, job.m, self.rows) for q in range(0, job.n, self.cols)]

    def pack_a(self, job, A):
        padded = np.pad(A, ((0, -job.m % self.rows), (0, 0)))
        words = [padded[p : p + self.rows].T for p, _ in self._tiles(job)]
        return np.concatenate(words).astype(np.uint8)

    def pack_b(self, job, B):
        padded = np.pad(B, ((0, 0), (0, -job.n % self.cols)))
        words = [padded[:, q : q + self.cols] for _, q in self._tiles(job)]
        return np.concatenate(words).astype(np.uint8)

    def random(self, job, rng):
        return rng.integers(-128, 128, (job.m, job.k)), rng.integers(-128, 128, (job.k, job.n))

    def arrange(self, job, beats):
        Z = np.zeros((job.m, job.n + -job.n % self.cols), dtype=np.int64)
        at = 0
        for p, q in self._tiles(job):
            count = min(self.rows, job.m - p)
            Z[p : p + count, q : q + self.cols] = beats[at : at + count]
            at += count
        return Z[:, : job.n]

    def unpack(self, job, beats):
        return self.arrange(job, beats).astype(np.int32).astype(np.int64)

    def golden(self, job, state):
        A, B = state
        return (A.astype(np.int64) @ B.astype(np.int64)).astype(np.int32).astype(np.int64)


def toy_design(config, text=None):
    """Return the design of `config`, or of another text with the same ports."""
    if text is None:
        text = (Path(__file__).parent / "toy.v").read_text()
        text = text.replace("R = 4, C = 4", f"R = {config.rows}, C = {config.cols}")
    widths = {
        "s_axis_cmd_tdata": 64,
        "s_axis_a_tdata": 8 * config.rows,
        "s_axis_b_tdata": 8 * config.cols,
        "m_axis_tdata": 32 * config.cols,
    }
    ports = [SimpleNamespace(name=name, width=width) for name, width in widths.items()]
    return SimpleNamespace(top="toy", verilog=text, ports=ports)
