"""Measures engines with number formats and fits `surrogates.mixed`.

``python -m dse.calibrate --formats`` runs it; every group is kept as soon as it is fitted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from itertools import product
from pathlib import Path

import numpy as np

import surrogates
from boards.flows import synthesis, synthesize, used
from boards.pool import Pool
from boards.target import Target
from dse.explore.ladder import TOP, figure, measure_clock
from hw.contracts import write_atomic
from hw.export import export
from hw.matrix import FORMAT_SETS, MIXED_SPACE, MatrixConfig, mixed_config
from sim.system import config_columns
from surrogates.mixed import RESOURCES, fit_mixed, mixed_group

__all__ = ["PIPELINES", "calibrate_formats", "mixed_sample"]

PIPELINES = tuple(int(value) for value in MIXED_SPACE.knobs["pipeline"].values)
_SIZES = ((2, 2), (2, 4), (4, 2), (4, 4), (3, 5), (6, 4), (2, 8), (8, 2), (6, 6))
_ROUTED = (4, 4)


def mixed_sample(formats: str, pipeline: int, seed: int) -> list[MatrixConfig]:
    """Return designs of one group: every size once, buffers drawn, alike in all groups."""
    rng = np.random.default_rng(seed)
    drawn = ("a_depth", "b_depth", "banks", "result_ratio")
    values = {name: MIXED_SPACE.knobs[name].values for name in drawn}
    return [
        mixed_config(
            formats=formats,
            rows=rows,
            cols=cols,
            multiplier="dsp",
            pipeline=pipeline,
            **{name: int(of[rng.integers(len(of))]) for name, of in values.items()},
        )
        for rows, cols in _SIZES
    ]


def calibrate_formats(
    target: Target,
    sets: Sequence[str] = FORMAT_SETS,
    pipelines: Sequence[int] = PIPELINES,
) -> None:
    """Fit every set of formats at every pipeline; as many measurements at once as there are cores.

    Each group is kept as soon as it is fitted.
    """
    pool = Pool(os.cpu_count() or 1)
    try:
        groups = list(product(pipelines, sets))
        jobs = [_submitted(pool, mixed_sample(name, p, seed=0), target) for p, name in groups]
        for (pipeline, formats), (configs, areas, clock) in zip(groups, jobs, strict=True):
            rows = [area.result() for area in areas]
            measured = {name: np.array([row[name] for row in rows]) for name in RESOURCES}
            routed = (_ROUTED[0] * _ROUTED[1], clock.result())
            fitted = fit_mixed(config_columns(configs), measured, routed)
            group = mixed_group(formats, pipeline)
            _keep(target, group, fitted)
            errors = {name: round(value, 4) for name, value in fitted["error"].items()}
            print(group, errors, f"{fitted['routed_mhz']:.1f} MHz", flush=True)
    finally:
        pool.stop()


def _submitted(
    pool: Pool, configs: list[MatrixConfig], target: Target
) -> tuple[list[MatrixConfig], list[Future[dict[str, float]]], Future[float]]:
    """Return designs, their areas to come, and the clock to come of the one that is routed."""
    clocked = next(c for c in configs if (c.rows, c.cols) == _ROUTED)
    areas = [pool.submit(_resources, config, target) for config in configs]
    return configs, areas, pool.submit(_mhz, clocked, target)


def _resources(config: MatrixConfig, target: Target) -> dict[str, float]:
    metrics = synthesize(export(config, TOP), target)
    found = {name: used(metrics, name) for name in RESOURCES}
    print(config, found, file=sys.stderr, flush=True)
    return found


def _mhz(config: MatrixConfig, target: Target) -> float:
    design = export(config, TOP)
    clock, _ = measure_clock(design, synthesis(design, target), target, seed=0)
    return figure(clock, "clock_mhz")


def _keep(target: Target, group: str, fitted: dict[str, object]) -> None:
    path = Path(surrogates.__file__).parent / "mixed.json"
    table = json.loads(path.read_text("utf-8")) if path.exists() else {}
    entry = table.setdefault(target.family, {"target": target.name, "groups": {}})
    entry["groups"][group] = fitted
    write_atomic(path, json.dumps(table, indent=1, sort_keys=True) + "\n")
