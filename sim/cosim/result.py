"""What a co-simulation found: the test bench's ``result.txt`` as cycles and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .coverage import Coverage
from .errors import CosimProtocolError
from .stimulus import EngineConfig, GemmCase, beat_bytes

__all__ = ["CosimResult", "JobResult", "read_results"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobResult:
    """One job as simulated.

    Members
    -------
    cycles : int
        From the command's transfer to the last result row's, both included.
    start, end : int
        The cycles of these two, counted from reset.
    Z : array
        The result, ``[m, n]``.
    mismatches : int
        Elements that differ from ``config.golden``; 0 is what it should be.
    """

    cycles: int
    start: int
    end: int
    Z: NDArray[np.int64]
    mismatches: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CosimResult:
    """All jobs of a co-simulation.

    Members
    -------
    jobs : tuple of JobResult
        One per case, in order.
    total_cycles : int
        From the first command's transfer to the last result row's, both included.
    coverage : Coverage, optional
        Lines and toggles, where asked for.
    activity : dict of str to float, optional
        Switching, where asked for; see `measure_activity`.
    """

    jobs: tuple[JobResult, ...]
    total_cycles: int
    coverage: Coverage | None = None
    activity: dict[str, float] | None = None

    @property
    def cycles(self) -> tuple[int, ...]:
        """Cycles of each job."""
        return tuple(job.cycles for job in self.jobs)

    @property
    def outputs(self) -> tuple[NDArray[np.int64], ...]:
        """Result of each job."""
        return tuple(job.Z for job in self.jobs)

    @property
    def mismatches(self) -> int:
        """Wrong elements of all jobs together."""
        return sum(job.mismatches for job in self.jobs)


@dataclass(slots=True)
class _Rows:
    cycles: list[int] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)


def read_results(
    path: Path, config: EngineConfig, cases: Sequence[GemmCase], *, check: bool = True
) -> tuple[JobResult, ...]:
    """Read ``result.txt``; with `check` compare every element with ``config.golden``.

    Raises
    ------
    CosimProtocolError
        Rows, valid bytes or the end of a job are not what its shape asks for.
    """
    starts, jobs = _split(path)
    if len(jobs) != len(cases):
        raise CosimProtocolError(f"{len(cases)} jobs were given and {len(jobs)} ended")
    return tuple(
        _job(index, config, case, start, rows, check)
        for index, (case, start, rows) in enumerate(zip(cases, starts, jobs, strict=True))
    )


def _split(path: Path) -> tuple[list[int], list[_Rows]]:
    """Return the cycles of the commands, and the rows up to each ``tlast``."""
    starts: list[int] = []
    jobs: list[_Rows] = []
    rows = _Rows()
    with path.open() as stream:
        for line in stream:
            first, second, *rest = line.split()
            if first == "job":
                starts.append(int(second))
                continue
            rows.cycles.append(int(first))
            rows.keep.append(rest[0])
            rows.data.append(rest[1])
            if second == "1":
                jobs.append(rows)
                rows = _Rows()
    if rows.cycles:
        raise CosimProtocolError(f"{len(rows.cycles)} rows came after the last job's tlast")
    return starts, jobs


def _job(
    index: int, config: EngineConfig, case: GemmCase, start: int, rows: _Rows, check: bool
) -> JobResult:
    job = case.job
    if len(rows.cycles) != job.out_rows:
        raise CosimProtocolError(
            f"job {index} ({job.m}x{job.k}x{job.n}) ended after {len(rows.cycles)} rows; "
            f"its plan says {job.out_rows}"
        )
    _check_keep(index, config, case, rows.keep)
    Z = config.unpack(job, _lanes(config, rows.data))
    wrong = int(np.count_nonzero(config.golden(job, (case.A, case.B)) != Z)) if check else 0
    end = rows.cycles[-1]
    return JobResult(cycles=end - start + 1, start=start, end=end, Z=Z, mismatches=wrong)


def _check_keep(index: int, config: EngineConfig, case: GemmCase, keep: list[str]) -> None:
    """Every row keeps its first elements, whole, and all rows together exactly the result."""
    size = -(-config.result_bits // 8)
    kept = 0
    for text in keep:
        mask = int(text, 16)
        if mask & (mask + 1) or mask.bit_length() % size:
            raise CosimProtocolError(f"job {index}: tkeep={text} does not keep whole elements")
        kept += mask.bit_length() // size
    if kept != case.job.m * case.job.n:
        raise CosimProtocolError(
            f"job {index}: tkeep marks {kept} elements of {case.job.m * case.job.n}"
        )


def _lanes(config: EngineConfig, data: list[str]) -> NDArray[np.int64]:
    """Return the accumulators of the rows, ``[rows, cols]``, sign not yet interpreted."""
    size = -(-config.result_bits // 8)
    raw = np.frombuffer(bytes.fromhex("".join(data)), dtype=np.uint8)
    lanes = raw.reshape(len(data), beat_bytes(config))[:, ::-1].reshape(len(data), -1, size)
    wide = np.zeros((*lanes.shape[:2], 8), dtype=np.uint8)
    wide[:, :, :size] = lanes
    return wide.view("<i8")[:, :, 0].astype(np.int64)
