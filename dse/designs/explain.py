"""Why a design takes the time it takes: its own record, or the system model asked anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.metrics import Metrics
from boards.target import Target, load_target
from dse.results import RunFolder
from dse.workloads import OperatorList, Trace, Workload, load_workload
from hw.contracts import ConfigError, Operator, OperatorKind, Phase
from hw.matrix import MatrixConfig

from .folder import DesignFolder
from .origin import run_target, run_workload, target_name
from .recorded import require_recorded
from .what_if import Change, predicting_tool, what_if

__all__ = ["Explanation", "explain_design"]

_CLOCKS = ("clock_mhz_measured", "clock_mhz_estimated", "clock_mhz_predicted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where the time of a workload goes on a design, and what would change it.

    Members
    -------
    config : MatrixConfig
        The design.
    workload, target : str
        Their names.
    clock_mhz : float
        Clock that the times hold for.
    clock_is : str
        ``measured``, ``estimated``, ``predicted`` or ``assumed``.
    time : mapping
        As in ``trace.json``: operators with their causes, ``ttft_ms``, ``tpot_ms``, ...
    clock_source : mapping
        Who said the clock: fidelity, tool, and what else is recorded of it.
    changes : tuple of Change
        Every single-step change, the one that saves the most time first.
    """

    config: MatrixConfig
    workload: str
    target: str
    clock_mhz: float
    clock_is: str
    time: Mapping[str, Any]
    clock_source: Mapping[str, Any]
    changes: tuple[Change, ...]

    def causes(self, phase: str) -> dict[str, float]:
        """Return the time of a phase by cause, in ms, the largest first."""
        sums: dict[str, float] = {}
        for op in self.time["operators"]:
            if op["phase"] == phase:
                for cause, ms in op["causes_ms"].items():
                    sums[cause] = sums.get(cause, 0.0) + ms
        return dict(sorted(sums.items(), key=lambda item: -item[1]))


def explain_design(
    path: Path,
    *,
    workload: str | None = None,
    target: str | None = None,
    clock_mhz: float | None = None,
) -> Explanation:
    """Explain the design in a folder.

    Parameters
    ----------
    path : Path
        A design folder. One of a run knows its workload and target.
    workload, target : str, optional
        Ask about others; by default the run's, else GPT-2 on the default target.
    clock_mhz : float, optional
        Assume this clock; by default the one measured on that target, else the predicted one.

    Raises
    ------
    ConfigError
        No design there, no matrix engine, one that its figures are not about, unknown names, or
        the run's own files are gone.
    """
    folder = DesignFolder(path)
    config = folder.config
    if not isinstance(config, MatrixConfig):
        raise ConfigError(
            f"{path} is a {type(config).__name__}; only matrix engines can be explained so far"
        )
    require_recorded(folder, config)
    info = _run_info(path)
    board = load_target(target) if target else run_target(info)
    stored = folder.metrics if target is None or board.name == target_name(info) else Metrics()
    clock, source = _clock(stored, config, board, clock_mhz)
    kept = folder.trace if (workload, target, clock_mhz) == (None, None, None) else {}
    if kept:
        trace = _as_trace(kept, _workload_name(info))
        clock = float(kept["clock_mhz"])
    else:
        given = load_workload(workload) if workload else run_workload(info)
        trace = _as_computed(given, folder, config)
    return Explanation(
        config=config,
        workload=trace.name,
        target=board.name,
        clock_mhz=clock,
        clock_is=source["fidelity"],
        clock_source=source,
        time=kept or _time(trace, config, board, clock),
        changes=what_if(config, trace, board, clock),
    )


def _as_computed(
    given: Workload | OperatorList, folder: DesignFolder, config: MatrixConfig
) -> Trace:
    """Return a workload's operators, in the formats that the design's assignment says."""
    if not config.formats:
        return given.trace()
    from dse.precision.plans import recorded_trace

    if not isinstance(given, Workload):
        raise ConfigError(
            f"{given.name} is a list of GEMMs, and nobody knows which format each has on an engine "
            f"with formats={config.formats}; give a model"
        )
    trace = recorded_trace(given, folder.path / "formats.json", config.formats)
    longest = max(op.k for op in trace.operators if op.kind is OperatorKind.GEMM)
    if longest > config.length:
        raise ConfigError(
            f"{given.name} has dot products of {longest}, and the accumulators of this engine hold "
            f"length={config.length}; build one with --length {longest}"
        )
    return trace


def _time(trace: Trace, config: MatrixConfig, target: Target, clock_mhz: float) -> dict[str, Any]:
    from sim.system import time_trace

    return time_trace(trace, config, target, clock_mhz).to_dict()


def _run_info(design: Path) -> dict[str, Any]:
    """Return ``run.json`` of the run that a design belongs to; empty for one on its own."""
    run = RunFolder(design.absolute().parent.parent)
    return run.info() if run.exists else {}


def _workload_name(info: Mapping[str, Any]) -> str:
    entry = info.get("workload")
    return str((entry.get("name") if isinstance(entry, Mapping) else entry) or "workload")


def _clock(
    stored: Metrics, config: MatrixConfig, target: Target, given: float | None
) -> tuple[float, dict[str, Any]]:
    """Return the clock in MHz and who said it; `stored` are the figures found on this target."""
    if given is not None:
        if not given > 0:
            raise ConfigError(f"clock={given} makes no sense; use more than 0 MHz")
        return given, {"fidelity": "assumed", "tool": "the caller"}
    for name in _CLOCKS:
        if name in stored:
            return stored.value(name), stored.to_dict()[name]
    clock, fidelity = _predicted_clock(config, target)
    tool = predicting_tool(config) if fidelity == "predicted" else "the target"
    return clock, {"fidelity": fidelity, "tool": tool, "conditions": target.name}


def _predicted_clock(config: MatrixConfig, target: Target) -> tuple[float, str]:
    from hw.contracts import KilnError
    from surrogates.engine import predict_engine

    try:
        found = predict_engine(config, target.family)
        return min(found["clock_mhz"], target.clock.max_mhz), "predicted"
    except (KilnError, KeyError):
        return target.clock.request_mhz, "assumed"


def _as_trace(kept: Mapping[str, Any], name: str) -> Trace:
    """Return the operators of a ``trace.json`` as a trace; only ratios of its times mean anything.

    Contexts that were merged into one record stay merged, at their middle.
    """
    operators = tuple(
        Operator(
            name=op["name"],
            kind=OperatorKind(op["kind"]),
            phase=Phase(op["phase"]),
            format=op.get("format", ""),
            **{field: op[field] for field in ("m", "k", "n", "count", "context")},
        )
        for op in kept["operators"]
    )
    return Trace(name=name, operators=operators, prefills=1, decode_steps=1, weights=1)
