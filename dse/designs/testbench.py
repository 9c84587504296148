"""The test benches of a design: one in plain Verilog that checks itself, one for cocotb."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .mac_testbench import mac_files

if TYPE_CHECKING:
    from hw.export import ExportedDesign
    from hw.matrix import MatrixConfig, MatrixJob

__all__ = ["testbench_files"]

_SEED = 2024
Lanes = NDArray[Any]


def testbench_files(config: Any, design: ExportedDesign) -> dict[str, str | bytes]:
    """Return file name to content, C headers too; empty for a block that nobody knows here.

    Shapes are ragged in all three dimensions, operands are drawn from a fixed seed.
    """
    from hw.mac import MacConfig
    from hw.matrix import MatrixConfig
    from hw.matrix.header import c_header
    from sim.cosim.package import bench_files

    if isinstance(config, MacConfig):
        return mac_files(config, design)
    if not isinstance(config, MatrixConfig):
        return {}
    found: dict[str, str | bytes] = {**_plain_bench(config, design), **bench_files(design, config)}
    header = {f"{design.top}.h": c_header(config, design.top)}
    return header | {f"testbench/{name}": content for name, content in found.items()}


def _plain_bench(config: MatrixConfig, design: ExportedDesign) -> dict[str, str]:
    """Return the self-checking bench and its stimulus, one beat of a stream per line."""
    job = config.plan(config.rows + 1, config.rows + 3, 2 * config.cols + 1)
    streams = _streams(config, job)
    widths = {port.name: port.width for port in design.ports}
    text = Template((files(__package__) / "testbench.v").read_text("utf-8")).substitute(
        top=design.top,
        m=job.m,
        k=job.k,
        n=job.n,
        cmd_bits=widths["s_axis_cmd_tdata"],
        a_bits=widths["s_axis_a_tdata"],
        b_bits=widths["s_axis_b_tdata"],
        o_bits=widths["m_axis_tdata"],
        keep_bits=widths["m_axis_tkeep"],
        a_last=len(streams["a"]) - 1,
        b_last=len(streams["b"]) - 1,
        o_last=len(streams["expected"]) - 1,
        limit=100 * (sum(map(len, streams.values())) + 1000),
    )
    return {
        f"tb_{design.top}.v": text,
        **{f"{name}.hex": _hex(words) for name, words in streams.items()},
    }


def _streams(config: MatrixConfig, job: MatrixJob) -> dict[str, list[int]]:
    """Return the beats of every stream as integers."""
    from sim.cosim import GemmCase
    from sim.cosim.package import result_beats

    rng = np.random.default_rng(_SEED)
    A, B = config.random(job, rng)
    results, valid = result_beats(config, GemmCase(job=job, A=A, B=B))
    padded = -(-config.result_bits // 8) * 8
    return {
        "cmd": [config.descriptor(job)],
        "a": _words(config.pack_a(job, A), config.operand_bits),
        "b": _words(config.pack_b(job, B), config.operand_bits),
        "expected": _words(results, padded),
        "keep": _words(valid * ((1 << padded // 8) - 1), padded // 8),
    }


def _words(lanes: Lanes, bits: int) -> list[int]:
    """Return each row as one integer, lane 0 lowest."""
    mask = (1 << bits) - 1
    return [
        sum((int(value) & mask) << (bits * lane) for lane, value in enumerate(row)) for row in lanes
    ]


def _hex(words: Iterable[int]) -> str:
    return "".join(f"{word:x}\n" for word in words)
