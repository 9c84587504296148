"""Fits the additive predictor to measurements: ``python -m dse.calibrate --family ecp5``.

A fixed sample of designs per group is synthesised (from the cache where it was before), and the
group's coefficients in ``surrogates/additive.json`` are replaced. With ``--clock`` a sample of
small designs gets its clock measured as well, by routing or by static timing, and the family's
clock is fitted instead. What is printed are the fit's own errors.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

import surrogates
from boards.flows import synthesis, synthesize, used
from boards.pool import Pool
from boards.target import Target, list_targets, load_target
from dse.benchmark.subspace import SUBSPACE
from dse.calibrate_formats import PIPELINES, calibrate_formats
from dse.explore.ladder import TOP, figure, measure_clock
from hw.contracts import ConfigError, KilnError, write_atomic
from hw.export import export
from hw.matrix import FORMAT_SETS, MATRIX_SPACE, MatrixConfig
from sim.system import config_columns
from surrogates.additive import fit_clock, fit_group, group_of

__all__ = ["clock_sample", "fitted_configs", "main", "sample"]

Group = tuple[str, str, int]
ResultT = TypeVar("ResultT")

_RESOURCES = ("lut", "ff", "dsp", "bram")
_SIZES = ((2, 4), (4, 4), (4, 8), (8, 4), (8, 8), (4, 16), (16, 4), (16, 8), (8, 16), (16, 16))
_CLOCKED_SIZES = ((2, 4), (4, 4), (4, 8), (8, 4), (8, 8))  # routing larger ones takes minutes
_SAMPLES = 2


def sample(group: Group, seed: int) -> list[MatrixConfig]:
    """Return designs of one group: every size once, all other knobs drawn, alike in all groups."""
    return _draw(group, _SIZES, np.random.default_rng(seed))


def clock_sample(group: Group, seed: int) -> list[MatrixConfig]:
    """Return small designs of one group: every size once, all other knobs drawn.

    One fit serves all groups, so each draws its own knobs; else a knob that meets the same sizes
    in all of them could not be told from the size. Designs of the sub-space on which search and
    predictor are judged are left out.
    """
    rng = np.random.default_rng([seed, crc32(group_of(*group).encode())])
    judged = set(map(SUBSPACE.decode, map(SUBSPACE.point, range(len(SUBSPACE)))))
    return [config for config in _draw(group, _CLOCKED_SIZES, rng) if config not in judged]


def _draw(
    group: Group, sizes: Iterable[tuple[int, int]], rng: np.random.Generator
) -> list[MatrixConfig]:
    dataflow, multiplier, operand_bits = group
    fixed: dict[str, Any] = {
        "dataflow": dataflow,
        "multiplier": multiplier,
        "operand_bits": operand_bits,
    }
    free: dict[str, tuple[Any, ...]] = {
        name: knob.values
        for name, knob in MATRIX_SPACE.knobs.items()
        if name not in ("rows", "cols", *fixed)
    }
    return [
        MatrixConfig.from_knobs(
            rows=rows,
            cols=cols,
            **fixed,
            **{name: values[rng.integers(len(values))] for name, values in free.items()},
        )
        for rows, cols in sizes
    ]


def fitted_configs(bits: Sequence[int] = (4, 8, 16)) -> list[MatrixConfig]:
    """Return every design that a calibration of all groups of these widths fits to."""
    groups = product(("os", "ws"), ("dsp", "lut"), bits)
    return [c for group in groups for seed in range(_SAMPLES) for c in sample(group, seed)]


def measure(config: MatrixConfig, target: Target) -> dict[str, float]:
    """Return the resources of one design; those that its family does not have are 0."""
    metrics = synthesize(export(config, TOP), target)
    figures = {name: used(metrics, name) for name in _RESOURCES}
    if "engine_cell_area_um2_measured" in metrics:
        figures["cell_area_um2"] = metrics["engine_cell_area_um2_measured"].value
    print(config, figures, file=sys.stderr)
    return figures


def calibrate(target: Target, group: Group) -> dict[str, Any]:
    """Return the fit of one group on the family of `target`."""
    configs = [config for seed in range(_SAMPLES) for config in sample(group, seed)]
    rows = _each(lambda config: measure(config, target), configs)
    measured = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return fit_group(config_columns(configs), measured, target.family)


def calibrate_clock(target: Target, groups: Sequence[Group]) -> dict[str, Any]:
    """Return the clock's fit on the family of `target`, from small designs of `groups`."""
    configs = [c for group in groups for seed in range(_SAMPLES) for c in clock_sample(group, seed)]
    clocks = _each(lambda config: _clock_mhz(config, target), configs)
    return fit_clock(config_columns(configs), np.array(clocks))


def _clock_mhz(config: MatrixConfig, target: Target) -> float:
    design = export(config, TOP)
    clock, _ = measure_clock(design, synthesis(design, target), target, seed=0)
    print(config, figure(clock, "clock_mhz"), file=sys.stderr)
    return figure(clock, "clock_mhz")


def _each(
    work: Callable[[MatrixConfig], ResultT], configs: Iterable[MatrixConfig]
) -> list[ResultT]:
    """Return the result of `work` for every design, as many at a time as there are cores."""
    pool = Pool(os.cpu_count() or 1)
    try:
        return [job.result() for job in [pool.submit(work, config) for config in configs]]
    finally:
        pool.stop()


def keep(target: Target, fitted: dict[str, Any], group: str | None = None) -> None:
    """Replace one group's coefficients, or the clock's, in ``additive.json``."""
    path = Path(surrogates.__file__).parent / "additive.json"
    table = json.loads(path.read_text("utf-8")) if path.exists() else {}
    entry = table.setdefault(target.family, {"target": target.name, "groups": {}})
    if group is None:
        entry["clock"] = fitted
    else:
        entry["groups"][group] = fitted
    write_atomic(path, json.dumps(table, indent=1, sort_keys=True) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="ecp5")
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--multipliers", nargs="+", default=["dsp", "lut"])
    parser.add_argument("--clock", action="store_true", help="fit the clock instead of the area")
    parser.add_argument("--pipelines", type=int, nargs="+", help="of engines with formats")
    parser.add_argument("--formats", nargs="*", metavar="SET", help="fit engines with formats")
    options = parser.parse_args(arguments)
    try:
        target = _target(options.family)
        if options.formats is not None:
            pipelines = options.pipelines or PIPELINES
            calibrate_formats(target, options.formats or FORMAT_SETS, pipelines)
            return 0
        groups = list(product(("os", "ws"), options.multipliers, options.bits))
        if options.clock:
            fitted = calibrate_clock(target, groups)
            keep(target, fitted)
            print("clock: mean error", round(fitted["error"], 4))
        for group in [] if options.clock else groups:
            fitted = calibrate(target, group)
            keep(target, fitted, group_of(*group))
            print(group_of(*group), {k: round(v, 4) for k, v in fitted["error"].items()})
    except KilnError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _target(family: str) -> Target:
    for name in list_targets():
        target = load_target(name)
        if target.family == family:
            return target
    raise ConfigError(f"family={family!r} has no target; see `dse target list`")


if __name__ == "__main__":
    sys.exit(main())
