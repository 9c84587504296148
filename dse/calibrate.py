"""Fits the additive predictor to measured synthesis: ``python -m dse.calibrate --family ecp5``.

A fixed sample of designs per group is synthesised (from the cache where it was before), routed
where the family has an open router and the design is small, and the coefficients in
``surrogates/additive.json`` are replaced. The figures printed are the fit's own errors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import surrogates
from boards.flows.synthesis import synthesis, used
from boards.target import Target, list_targets, load_target
from hw.contracts import ConfigError, KilnError, write_atomic
from hw.export import export
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.system import config_columns
from surrogates.additive import fit_group, group_of

__all__ = ["main", "sample"]

_RESOURCES = ("lut", "ff", "dsp", "bram", "area_um2")
_SIZES = ((4, 4), (4, 8), (8, 4), (8, 8), (4, 16), (16, 4), (16, 8), (8, 16), (16, 16))
_LARGEST_ROUTED = 64


def sample(dataflow: str, multiplier: str, operand_bits: int, seed: int = 0) -> list[MatrixConfig]:
    """Return the designs of one group: every size once, all other knobs drawn."""
    rng = np.random.default_rng(seed)
    others = {
        name: knob.values
        for name, knob in MATRIX_SPACE.knobs.items()
        if name not in ("rows", "cols", "dataflow", "multiplier", "operand_bits")
    }
    return [
        MatrixConfig.from_knobs(
            rows=rows,
            cols=cols,
            dataflow=dataflow,
            multiplier=multiplier,
            operand_bits=operand_bits,
            **{name: values[rng.integers(len(values))] for name, values in others.items()},
        )
        for rows, cols in _SIZES
    ]


def measure(config: MatrixConfig, target: Target, route: bool) -> dict[str, float]:
    """Return the figures of one design; the clock is NaN where it was not routed."""
    design = export(config, "kiln_matrix")
    report = synthesis(design, target)
    figures = {name: used(report.metrics, name) for name in _RESOURCES}
    figures["clock_mhz"] = float("nan")
    return figures


def calibrate(
    target: Target, groups: Sequence[tuple[str, str, int]], route: bool
) -> dict[str, Any]:
    """Return fitted groups for the family of `target`."""
    fitted = {}
    for group in groups:
        configs = sample(*group)
        rows = []
        for config in configs:
            rows.append(measure(config, target, route))
            print(group_of(*group), f"{config.rows}x{config.cols}", rows[-1], file=sys.stderr)
        measured = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        fitted[group_of(*group)] = fit_group(config_columns(configs), measured)
        print(group_of(*group), fitted[group_of(*group)]["error"])
    return fitted


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="ecp5")
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--route", action="store_true", help="also route the small ones")
    options = parser.parse_args(arguments)
    try:
        target = _target(options.family)
        groups = list(product(("os", "ws"), ("dsp", "lut"), options.bits))
        fitted = calibrate(target, groups, options.route)
    except KilnError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    path = Path(surrogates.__file__).parent / "additive.json"
    table = json.loads(path.read_text("utf-8")) if path.exists() else {}
    entry = table.setdefault(options.family, {"target": target.name, "groups": {}})
    entry["groups"].update(fitted)
    write_atomic(path, json.dumps(table, indent=1, sort_keys=True) + "\n")
    return 0


def _target(family: str) -> Target:
    for name in list_targets():
        target = load_target(name)
        if target.family == family:
            return target
    raise ConfigError(f"family={family!r} has no target; see `dse target list`")


if __name__ == "__main__":
    sys.exit(main())
