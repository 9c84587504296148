"""Jobs to stimulus files: what the test bench in `bench/` plays into the streams of an engine."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.memory import MemoryTiming

__all__ = ["EngineConfig", "GemmCase", "GemmJob", "beat_bytes", "stream_bytes", "write_stimulus"]

PATTERN_LIMIT = 1024  # bits of a stall pattern that the test bench holds
STREAMS = ("a", "b", "o")
_HANG_MARGIN = 4096


class GemmJob(Hashable, Protocol):
    """The part of `hw.matrix.MatrixJob` that a simulation needs."""

    @property
    def m(self) -> int: ...
    @property
    def k(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def mode(self) -> str: ...
    @property
    def a_words(self) -> int: ...
    @property
    def b_words(self) -> int: ...
    @property
    def out_rows(self) -> int: ...


class EngineConfig(Protocol):
    """The part of `hw.matrix.MatrixConfig` that a simulation needs."""

    @property
    def rows(self) -> int: ...
    @property
    def cols(self) -> int: ...
    @property
    def operand_bits(self) -> int: ...
    @property
    def result_bits(self) -> int: ...
    def random(self, job: Any, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def arrange(self, job: Any, beats: NDArray[Any]) -> NDArray[np.int64]: ...
    def descriptor(self, job: Any) -> int: ...
    def pack_a(self, job: Any, A: NDArray[Any]) -> NDArray[np.unsignedinteger]: ...
    def pack_b(self, job: Any, B: NDArray[Any]) -> NDArray[np.unsignedinteger]: ...
    def unpack(self, job: Any, beats: NDArray[Any]) -> NDArray[np.int64]: ...
    def golden(self, job: Any, state: Any) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GemmCase:
    """One job with its operands.

    Parameters
    ----------
    job : GemmJob
        What ``config.plan(m, k, n)`` returned.
    A, B : array
        Signed operands.
    stalls : object, optional
        Periodic patterns ``a``, ``b`` and ``o`` (True: the peer is willing), each counted from
        the cycle of the command, such as `hw.matrix.Stalls`; None where all are always willing.
    """

    job: GemmJob
    A: NDArray[Any]
    B: NDArray[Any]
    stalls: Any = None

    @classmethod
    def random(
        cls, config: Any, shape: Sequence[Any], *, seed: int, stalls: Any = None
    ) -> GemmCase:
        """Return a job of `shape`, ``(m, k, n)`` or with a mode behind, on random operands.

        They are uniform over all codes, extremes included.
        """
        rng = np.random.default_rng(seed)
        m, k, n, *mode = shape
        job = config.plan(m, k, n, *mode)
        A, B = config.random(job, rng)
        return cls(job=job, A=A, B=B, stalls=stalls)


def stream_bytes(lanes: NDArray[Any], lane_bits: int) -> NDArray[np.uint8]:
    """Return the bytes of stream words, lowest first: ``[words, bytes]``.

    Lane ``i`` of `lanes` (``[words, lanes]``) occupies bits ``[i * lane_bits +: lane_bits]``; the
    word is padded with zeros to whole bytes.
    """
    words, count = lanes.shape
    raw = np.ascontiguousarray(lanes.astype("<u8")).view(np.uint8).reshape(words, count, 8)
    if lane_bits % 8 == 0:
        return raw[:, :, : lane_bits // 8].reshape(words, -1)
    bits = np.unpackbits(raw, axis=2, bitorder="little")[:, :, :lane_bits]
    return np.packbits(bits.reshape(words, -1), axis=1, bitorder="little")


def beat_bytes(config: EngineConfig) -> int:
    """Return the bytes of one result row: each result padded to whole bytes."""
    return config.cols * -(-config.result_bits // 8)


def _pattern(stalls: Any, stream: str) -> str:
    values = getattr(stalls, stream, None) if stalls is not None else None
    text = "".join("1" if willing else "0" for willing in values) if values is not None else ""
    if len(text) > PATTERN_LIMIT:
        raise ConfigError(
            f"stalls.{stream} has a period of {len(text)} cycles; use {PATTERN_LIMIT} or fewer"
        )
    if text and "1" not in text:
        raise ConfigError(f"stalls.{stream} is never willing; set one of its values")
    return text


def _describe(config: EngineConfig, case: GemmCase) -> dict[str, Any]:
    job = case.job
    stalls = {stream: _pattern(case.stalls, stream) for stream in STREAMS}
    slowest = (
        max(len(text) / text.count("1") for text in stalls.values() if text)
        if any(stalls.values())
        else 1.0
    )
    longest = max(job.k, config.rows + config.cols) * config.rows
    return {
        "m": job.m,
        "k": job.k,
        "n": job.n,
        "command": f"{config.descriptor(job):x}",
        "a_words": job.a_words,
        "b_words": job.b_words,
        "out_rows": job.out_rows,
        "idle_after": _idle_cycles(config, job),
        "hang_limit": int(_HANG_MARGIN + slowest * longest),
        "stalls": stalls,
    }


def _idle_cycles(config: EngineConfig, job: GemmJob) -> int:
    """Return cycles after which nothing in the engine remembers `job`.

    A short last tile's results leave before the spacing of tiles, which its plan states, has
    passed; a job that came then would wait a little longer than one that finds the engine idle.
    """
    gaps = (getattr(job, name, 0) for name in ("gap", "gap_last"))
    return 8 + 4 * (config.rows + config.cols) + max(gaps)


def memory_settings(memory: MemoryTiming | None) -> dict[str, int] | None:
    """Return `memory` as the test bench takes it."""
    if memory is None:
        return None
    return {
        "numerator": memory.bytes_per_cycle.numerator,
        "denominator": memory.bytes_per_cycle.denominator,
        "latency": memory.latency,
        "refresh_interval": memory.refresh_interval,
        "refresh_cycles": memory.refresh_cycles,
        "read_depth": memory.read_depth,
        "write_depth": memory.write_queue,
    }


def write_stimulus(
    folder: Path,
    config: EngineConfig,
    cases: Sequence[GemmCase],
    *,
    serial: bool = True,
    memory: MemoryTiming | None = None,
) -> None:
    """Write ``jobs.json``, ``a.bin`` and ``b.bin`` into `folder`.

    The binary files hold the words of all jobs in order, most significant byte first.
    """
    width = config.operand_bits
    with (folder / "a.bin").open("wb") as a, (folder / "b.bin").open("wb") as b:
        for case in cases:
            for stream, words in (
                (a, config.pack_a(case.job, case.A)),
                (b, config.pack_b(case.job, case.B)),
            ):
                stream.write(stream_bytes(words, width)[:, ::-1].tobytes())
    plan = {
        "serial": serial,
        "memory": memory_settings(memory),
        "jobs": [_describe(config, case) for case in cases],
    }
    (folder / "jobs.json").write_text(json.dumps(plan, indent=1))
