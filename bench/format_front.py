"""What mixing number formats adds to the front: GPT-2 on the default board, measured designs.

Run ``python -m bench.format_front [--budget N] [--limit 0.02] [--runs DIR]``; long, from the cache
afterwards. One search over engines of one format each, and one for each engine whose mixed
assignment keeps the same limit on quality, all with the same budget. Printed are the hypervolumes
(logarithmic axes: latency, power, area) of the measured fronts, of uniform formats alone and with
each mixture, and the same of the whole modelled space; then the front of everything measured, with
quality as an axis. ``--limits 0.01 0.02 0.05 0.1`` prints what each limit leaves to gain in the
modelled space instead, and how many bytes of weights the assignments store; nothing is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import dse
from boards.target import load_target
from dse.explore.formats import FormatSearch, format_space, prepare_formats
from dse.explore.limits import Limits
from dse.explore.objectives import DEFAULT_OBJECTIVES, QUALITY_OBJECTIVES, find_objectives
from dse.explore.pareto import hypervolume, is_front
from dse.workloads import Workload, load_workload

__all__ = ["GAIN", "main"]

GAIN = 0.10
"""Hypervolume that the best mixture is to add to the uniform formats' front."""
FORMATS = 3
"""Formats that the front is to have at least."""
_TARGET = "ecpix5-85f"
_MARGIN = np.log(1.1)

Floats = NDArray[np.float64]


def modelled_gains(workload: Workload, search: FormatSearch) -> dict[str, float]:
    """Return by what each mixture multiplies the hypervolume of the whole modelled space."""
    target, trace = load_target(_TARGET), workload.trace()
    space = format_space(search, trace, {})
    model = search.model(space, trace, target, Limits())
    points = np.arange(len(space))
    quantities = model.quantities(points, model.figures)
    fits = np.max([*model.violations(points, quantities).values()], axis=0) <= 0
    costs = np.stack([o.cost(quantities[o.column]) for o in find_objectives(DEFAULT_OBJECTIVES)], 1)
    names = np.array(space.knobs["formats"].values)[space.columns()["formats"]]
    return _gains({str(name): costs[fits & (names == name)] for name in np.unique(names)})


def _gains(costs: dict[str, Floats]) -> dict[str, float]:
    """Return each mixture's gain over all uniform formats, and that of all mixtures together."""
    everything = np.concatenate(list(costs.values()))
    reference = everything[is_front(everything)].max(axis=0) + _MARGIN
    uniform = np.concatenate([found for name, found in costs.items() if "+" not in name])
    base = _volume(uniform, reference)
    mixed = {name: found for name, found in costs.items() if "+" in name}
    gains = {
        name: _volume(np.concatenate([uniform, found]), reference) / base
        for name, found in mixed.items()
    }
    return gains | {"all mixtures": _volume(everything, reference) / base}


def _volume(costs: Floats, reference: Floats) -> float:
    return hypervolume(costs[is_front(costs)], reference)


def measured(formats: str, name: str, options: argparse.Namespace) -> pd.DataFrame:
    """Return the measured designs of one search."""
    search = dse.search(
        "gpt2",
        _TARGET,
        formats=options.formats,
        objectives=QUALITY_OBJECTIVES,
        max_perplexity_loss=options.limit,
        budget=options.budget,
        fixed={"formats": tuple(formats.split(","))},
        name=name,
        runs_dir=options.runs,
        jobs=2,
    )
    for trial in search:
        print(f"  {name}: {trial.number} {trial.config}", file=sys.stderr, flush=True)
    designs = search.designs
    return designs[designs["state"] == "measured"]


def _prepare(workload: Workload, formats: str, limit: float) -> FormatSearch:
    return prepare_formats(workload, load_target(_TARGET), formats, limit, say=_say)


def _model_limit(workload: Workload, formats: str, limit: float) -> None:
    search = _prepare(workload, formats, limit)
    gains = modelled_gains(workload, search)
    plans = {plan.formats: plan for plan in search.plans}
    whole = max(plan.stored_bytes for name, plan in plans.items() if "16" not in name)
    print(f"limit {limit:.1%}, modelled space: all mixtures {gains.pop('all mixtures') - 1:+.1%}")
    for name, gain in gains.items():
        plan = plans[name]
        narrow = 2 * (1 - plan.stored_bytes / whole)
        print(
            f"  {name}: {gain - 1:+.1%}, {narrow:.0%} of the weights narrow, "
            f"perplexity {plan.reading.increase:+.2%}"
        )


def _costs(designs: pd.DataFrame, columns: Sequence[str]) -> Floats:
    return np.log(designs[list(columns)].to_numpy(dtype=float))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--budget", type=int, default=6)
    parser.add_argument("--formats", default="all")
    parser.add_argument("--runs", type=Path, default=Path("runs/format_front"))
    parser.add_argument("--mixtures", nargs="*", help="of formats to measure; all, if left out")
    parser.add_argument("--limit", type=float, default=0.02, help="of perplexity, over float64's")
    parser.add_argument("--limits", type=float, nargs="+", help="to model, without measurements")
    options = parser.parse_args(arguments)
    workload: Any = load_workload("gpt2")
    if options.limits:
        for limit in options.limits:
            _model_limit(workload, options.formats, limit)
        return 0
    plans = _prepare(workload, options.formats, options.limit)
    for note in plans.notes:
        print(note)
    modelled = modelled_gains(workload, plans)
    print("modelled space, hypervolume over that of uniform formats:")
    for name, gain in modelled.items():
        print(f"  {name}: {gain - 1:+.1%}")
    sets = [plan.formats for plan in plans.plans]
    uniform = ",".join(name for name in sets if "+" not in name)
    frames = [measured(uniform, "uniform", options)]
    mixed = [name for name in sets if "+" in name]
    if options.mixtures is not None:
        mixed = [name for name in mixed if name in options.mixtures]
    frames += [measured(name, name.replace("+", "-"), options) for name in mixed]
    return _judge(pd.concat(frames, ignore_index=True))


def _judge(designs: pd.DataFrame) -> int:
    axes = ("trace_latency_ms_modelled", "power_mw_estimated", "engine_lut_measured")
    quality = "stand_in_perplexity_ratio_measured"
    by_set = {str(name): _costs(part, axes) for name, part in designs.groupby("formats")}
    gains = _gains(by_set)
    print(f"measured, {len(designs)} designs, hypervolume over that of uniform formats:")
    for name, gain in gains.items():
        print(f"  {name}: {gain - 1:+.1%}")
    front = designs[is_front(_costs(designs, (*axes, quality)))]
    shown = ["formats", "rows", "cols", *axes, "clock_mhz_measured", quality]
    print(front[shown].sort_values(axes[0]).to_string(index=False))
    best = max(gain for name, gain in gains.items() if "+" in name) - 1
    count = front["formats"].nunique()
    met = best >= GAIN and count >= FORMATS
    print(
        f"{'pass' if met else 'FAIL'}: best mixture {best:+.1%} (bar {GAIN:.0%}), {count} formats"
    )
    return int(not met)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
