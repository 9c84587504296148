"""Running jobs on the compiled simulator of an exported design."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, make_folder, scratch_folder
from sim.memory import MemoryTiming

from .activity import measure_activity
from .coverage import read_coverage, read_points
from .errors import CosimError, CosimProtocolError, CosimStallError
from .model import BENCH, TEST_BENCH, CompiledModel, Design, compile_model
from .result import CosimResult, read_results
from .runner import run_module
from .stimulus import EngineConfig, GemmCase, write_stimulus

__all__ = ["run_jobs"]

_WORTH_OPTIMISING = 50_000  # beats; below, the simulation takes less than compiling longer
_LIMIT_S = 3600.0  # of one simulation; some minutes is the most that was seen
_TEST_MODULE = "kiln_test"  # not by its package, which would import far more than it needs


def run_jobs(
    design: Design,
    config: EngineConfig,
    cases: Sequence[GemmCase],
    *,
    stalls: Any = None,
    memory: MemoryTiming | None = None,
    serial: bool = True,
    coverage: bool = False,
    activity: bool = False,
    optimize: str | None = None,
    check: bool = True,
    workdir: Path | None = None,
    cache: Path | None = None,
) -> CosimResult:
    """Run `cases` one after the other on the exported Verilog and compare with the golden model.

    Parameters
    ----------
    design : Design
        What `hw.export.export` returned for `config`.
    config : EngineConfig
        The engine's configuration, such as `hw.matrix.MatrixConfig`.
    cases : sequence of GemmCase
        The jobs with their operands.
    stalls : object, optional
        Stall patterns of all cases that have none of their own.
    memory : MemoryTiming, optional
        The shared memory behind all streams; None where the streams are always ready.
    serial : bool
        Whether each job starts with the engine idle and the memory fresh, so that its cycles are
        those of ``config.cycles(job, memory, stalls)``. Else commands are given as soon as the
        engine takes them, operands flow on without a pause, and stalls and memory count from the
        first command.
    coverage : bool
        Whether to count executed lines and toggles of every bit, which compiles slowly.
    activity : bool
        Whether to count how often registers, inputs and memories switch.
    optimize : str, optional
        Optimisation of the simulator's C++: by default ``"-O0"`` for short simulations, which
        compiles faster and runs slower, else that of `compile_model`.
    check : bool
        Whether to count elements that differ from ``config.golden``.
    workdir : Path, optional
        Where stimulus, log and results are left; else they are deleted.
    cache : Path, optional
        Folder of compiled models.

    Raises
    ------
    CosimStallError
        Nothing moved any more; the message says what every stream was doing.
    CosimProtocolError
        A stream broke its rules, or rows are missing or too many.
    CosimBuildError
        The design does not compile.
    """
    if not cases:
        raise ConfigError("cases is empty; give one job or more")
    variant = "coverage" if coverage else "activity" if activity else "plain"
    chosen = optimize or ("-O0" if _beats(cases) < _WORTH_OPTIMISING else None)
    model = compile_model(design, variant=variant, optimize=chosen, cache=cache)
    own = [case if case.stalls is not None else replace(case, stalls=stalls) for case in cases]
    with _folder(workdir) as folder:
        write_stimulus(folder, config, own, serial=serial, memory=memory)
        _simulate(model, folder)
        jobs = read_results(folder / "result.txt", config, own, check=check)
        total = jobs[-1].end - jobs[0].start + 1
        if variant == "plain":
            return CosimResult(jobs=jobs, total_cycles=total)
        points = read_points(folder / "coverage.dat")
        busy = sum(job.cycles for job in jobs) if serial else total
        instances = {module.name: module.count for module in getattr(design, "modules", ())}
        return CosimResult(
            jobs=jobs,
            total_cycles=total,
            coverage=read_coverage(points) if coverage else None,
            activity=measure_activity(points, design.verilog, instances, busy),
        )


def _beats(cases: Sequence[GemmCase]) -> int:
    """Return a lower bound of the cycles of `cases`."""
    return sum(max(case.job.a_words, case.job.b_words, case.job.out_rows) for case in cases)


@contextmanager
def _folder(workdir: Path | None) -> Iterator[Path]:
    if workdir is not None:
        yield make_folder(workdir.resolve())
        return
    with scratch_folder() as folder:
        yield folder


def _simulate(model: CompiledModel, folder: Path) -> None:
    """Run the test module; raise what its ``status.json`` tells."""
    status = folder / "status.json"
    status.unlink(missing_ok=True)
    ended = run_module(
        _TEST_MODULE, TEST_BENCH, bench=BENCH, model=model.folder, folder=folder, limit_s=_LIMIT_S
    )
    if ended.stopped:
        raise CosimError(
            f"the simulation was stopped after its limit of {_LIMIT_S:g} s; give it fewer or "
            f"smaller jobs. The end of its log:\n{ended.log}"
        )
    if not status.exists():
        raise CosimError(f"the simulation died ({ended.failure}):\n{ended.log}") from ended.failure
    found = json.loads(status.read_text())
    if found["fault"]:
        _raise_fault(found)
    if ended.failure is not None:
        raise CosimError(f"the test failed ({ended.failure}):\n{ended.log}") from ended.failure


def _raise_fault(found: dict[str, Any]) -> None:
    message, state = str(found["fault"]), found["state"]
    if message.startswith("nothing moved"):
        raise CosimStallError(message, state)
    raise CosimProtocolError(f"{message} (cycle {state['cycle']})")
