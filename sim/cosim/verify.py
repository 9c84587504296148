"""Verification of an exported engine: lint, random products against the model, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw.matrix.cycles import Stalls

from .coverage import Coverage
from .errors import CosimError
from .lint import lint
from .model import Design
from .run import run_jobs
from .stimulus import GemmCase

__all__ = ["VerifiedCase", "VerifyResult", "random_cases", "random_stalls", "verify_design"]

_CASE_STEPS = 20_000  # of the array, about: what one case may cost
_LONGEST_PERIOD = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCase:
    """One product as simulated, beside what the model says.

    Members
    -------
    m, k, n : int
        Its shape.
    stalled : bool
        Whether the peers of its streams paused.
    cycles, expected_cycles : int
        Of the Verilog, and of ``config.cycles``.
    mismatches : int
        Elements of the result that differ from ``config.golden``.
    """

    m: int
    k: int
    n: int
    stalled: bool
    cycles: int
    expected_cycles: int
    mismatches: int

    @property
    def passed(self) -> bool:
        return self.cycles == self.expected_cycles and not self.mismatches


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """What a verification found.

    Members
    -------
    lint : tuple of str
        Warnings of ``verilator --lint-only -Wall`` without waivers.
    cases : tuple of VerifiedCase
        Products that ran alone, cycles compared.
    queued_mismatches : int
        Wrong elements where the same products ran as one queue, each overlapping the next.
    coverage : Coverage, optional
        Lines and toggles of all these, where asked for.
    """

    lint: tuple[str, ...]
    cases: tuple[VerifiedCase, ...]
    queued_mismatches: int
    coverage: Coverage | None

    @property
    def passed(self) -> bool:
        """Whether there is no warning, no wrong element and no cycle of difference."""
        return not self.lint and not self.queued_mismatches and all(c.passed for c in self.cases)


def verify_design(
    design: Design,
    config: Any,
    *,
    seed: int = 0,
    cases: int = 8,
    coverage: bool = True,
    workdir: Path | None = None,
    cache: Path | None = None,
) -> VerifyResult:
    """Compare the Verilog of `design` with the models of `config`.

    Shapes are ragged in all dimensions, and every second case has pauses in all streams.

    Parameters
    ----------
    design : Design
        The Verilog, its top module's name and ports.
    config : MatrixConfig
        The configuration from which it was exported.
    seed : int
        Seed of shapes, operands and pauses.
    cases : int
        How many products.
    coverage : bool
        Whether to count lines and toggles, which takes longer to compile and to run.
    workdir, cache : Path, optional
        See `run_jobs`.

    Raises
    ------
    CosimError
        A stream broke its rules or stands still, or the Verilog does not compile.
    """
    warnings = lint(design)
    if errors := [line for line in warnings if line.startswith("%Error")]:
        raise CosimError(f"{design.top} is no valid Verilog:\n" + "\n".join(errors[:8]))
    chosen = random_cases(config, cases, seed=seed)
    options: dict[str, Any] = {"coverage": coverage, "workdir": workdir, "cache": cache}
    alone = run_jobs(design, config, chosen, **options)
    queued = run_jobs(design, config, chosen, serial=False, **options)
    verified = tuple(
        VerifiedCase(
            m=case.job.m,
            k=case.job.k,
            n=case.job.n,
            stalled=case.stalls is not None,
            cycles=job.cycles,
            expected_cycles=config.cycles(case.job, stalls=case.stalls).total,
            mismatches=job.mismatches,
        )
        for case, job in zip(chosen, alone.jobs, strict=True)
    )
    return VerifyResult(
        lint=warnings,
        cases=verified,
        queued_mismatches=queued.mismatches,
        coverage=alone.coverage and queued.coverage and alone.coverage | queued.coverage,
    )


def random_cases(config: Any, count: int, *, seed: int) -> list[GemmCase]:
    """Return products of ragged shapes, every second one with pauses in all streams.

    An engine with number formats is given them in turn.
    """
    rng = np.random.default_rng(seed)
    shapes = _shapes(config, rng)
    modes = getattr(config, "formats", ())
    return [
        GemmCase.random(
            config,
            (*next(shapes), *modes[index // 2 % max(len(modes), 1) :][:1]),
            seed=int(rng.integers(1 << 31)),
            stalls=random_stalls(rng) if index % 2 else None,
        )
        for index in range(count)
    ]


def random_stalls(rng: np.random.Generator) -> Stalls:
    """Return a periodic pattern per stream, willing in most cycles."""

    def pattern() -> tuple[bool, ...]:
        willing = rng.random(int(rng.integers(2, _LONGEST_PERIOD))) < rng.uniform(0.3, 1.0)
        willing[rng.integers(len(willing))] = True
        return tuple(map(bool, willing))

    return Stalls(a=pattern(), b=pattern(), o=pattern())


def _shapes(config: Any, rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    """Return shapes of up to four tiles each way; one K in three is of a buffer's size."""
    depth = min(config.a_depth, config.b_depth)
    while True:
        m = int(rng.integers(1, 4 * config.rows))
        n = int(rng.integers(1, 4 * config.cols))
        tiles = -(-m // config.rows) * -(-n // config.cols)
        longest = max(2, min(2 * depth, _CASE_STEPS // tiles))
        if rng.random() < 2 / 3:
            longest = min(longest, 3 * max(config.rows, config.cols))
        yield m, int(rng.integers(1, longest)), n
