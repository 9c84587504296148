"""Hardening of the matrix engine, against its bars: metrics, area, clock, duplication beside it.

Run ``python -m bench.harden_engine [--rows 16] [--faults 20000]``: tens of minutes for 16x16, most
of it mapping flattened designs. It does what ``dse harden --asil D`` does, and returns 1 if one of
these is missed:

- Every target of transient faults (upsets, single and multiple, and transients of nets) and of
  permanent ones (stuck at 0 and 1, checkers included, with the self-test), on the upper bound.
- Standard cells that the transient targets add below 38 %; clock within 5 %, both mapped flat.
- The choice adds no more than greedy's, and has no hardened flip-flops.
- Full duplication is larger. It is injected into as well and printed beside; what it misses of the
  targets is shown, but is no miss of the hardened engine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dse.harden import Budget, Hardened, duplicate, harden, matrix_target
from dse.harden.document import asil_limits, document
from hw.matrix import MatrixConfig

__all__ = ["bars", "main"]

AREA_BAR = 0.38


def bars(told: dict[str, Any], found: Hardened | None = None) -> list[tuple[str, bool]]:
    """Return what has to hold, in words, and whether it does.

    Parameters
    ----------
    told : dict
        What `dse.harden.document` returns, with duplication.
    """
    area, double = told["area_um2"], told["duplication"]
    rows = [(_line(target), bool(target["passed"])) for target in told["targets"]]
    kinds = {(t["nature"], t["name"]) for t in told["targets"]}
    wanted = {("transient", "SPFM"), ("transient", "PMHF"), ("permanent", "SPFM"),
              ("permanent", "LFM"), ("both", "PMHF")}  # fmt: skip
    rows.append(("every kind of target was judged", wanted <= kinds))
    share, more = area["transient_alone_share"], area["permanent_more_share"]
    rows.append((f"cells for transient targets {share:+.1%}, below 38 %", share < AREA_BAR))
    for attempt in found.attempts if found else ():
        hasty, own = attempt.hasty, attempt.chosen.area_um2
        rows.append(
            (
                f"the choice adds {own:,.0f} um2 to its variant, greedy's "
                f"{f'{hasty.area_um2:,.0f}' if hasty else 'does not get there'}",
                hasty is None or own <= hasty.area_um2 + 1e-6,
            )
        )
    schemes = " ".join([*told["chosen"].values(), *told["transient_alone"]["chosen"].values()])
    rows.append(("no hardened flip-flops", "hardened" not in schemes))
    rows.append(
        (
            f"cells {share + more:+.1%} in all, duplicated {double['added_share']:+.1%}",
            share + more < double["added_share"],
        )
    )
    return rows


def _line(target: dict[str, Any]) -> str:
    name = " ".join(p for p in (target["nature"], target["name"], target["group"]) if p)
    if name == "period":
        return f"period {target['bound']:.3f} ns, at most {target['limit']:.3f}"
    if target["name"] == "PMHF":
        return f"{name}: bound {target['bound']:.4g} FIT, below {target['limit']:g}"
    return f"{name}: bound {target['bound']:.4%}, at least {target['limit']:.1%}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--faults", type=int, default=20_000)
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args(arguments)
    begun = time.monotonic()

    def tell(text: str) -> None:
        print(f"    {time.monotonic() - begun:6.0f} s  {text}", file=sys.stderr, flush=True)

    config = MatrixConfig(rows=given.rows, cols=given.rows, multiplier="lut", pipeline=1)
    limits, budget = asil_limits("D", permanent=True), Budget(faults=given.faults)
    tell("freezing and mapping the variants")
    target = matrix_target(config, "kiln_matrix")
    base = target.variants[0]
    found = harden(target.variants, target.structure, limits, budget, progress=tell)
    double = duplicate(base, target.structure, limits, budget, progress=tell)
    told = document(found, base, limits, double)
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return _report(told, found, given.rows, time.monotonic() - begun)


def _report(told: dict[str, Any], found: Hardened, rows: int, seconds: float) -> int:
    area, period, double = told["area_um2"], told["period_ns"], told["duplication"]
    flips = [found.attempts[-1].variant.netlist.flop_bits, found.attempts[-1].mapped.gates]
    print(f"{rows}x{rows} int8, output stationary, sky130, mapped flat; {told['variant']}")
    print(f"  protection: {_chosen(told['chosen'])}")
    print(f"  for transient faults alone: {_chosen(told['transient_alone']['chosen'])}")
    print(f"  {flips[0]:,} flip-flop bits, {flips[1]:,} gates, {told['injections']:,} injections")
    print("                        unprotected    transient    protected   duplicated")
    for name, values in (
        ("cells, um2", [area["unprotected"], area["transient_alone"], area["protected"],
                        double["area_um2"]]),
        ("memories, um2", [area["memories_unprotected"], area["memories_transient_alone"],
                           area["memories_protected"], double["memories_um2"]]),
    ):  # fmt: skip
        print(f"  {name:<18}" + "".join(f"{value:13,.0f}" for value in values))
    times = [period["unprotected"], found.transient.mapped.period_ns, period["protected"]]
    periods = [*times, double["period_ns"]]
    print("  period, ns        " + "".join(f"{value:13.3f}" for value in periods))
    print(f"  before: {_metrics(told['before'])}; permanent: {_metrics(told['permanent_before'])}")
    print(f"  a latent fault and a second one: {told['latent_term']['fit_modelled']:.2g} FIT")
    judged = bars(told, found)
    for text, met in judged:
        print(f"{'pass' if met else 'FAIL'}  {text}")
    for target in double["targets"]:
        print(f"beside: duplicated, {_line(target)}{', missed' * (not target['passed'])}")
    print(f"{seconds / 60:.1f} minutes, load {os.getloadavg()[2]:.1f} over the last 15")
    return int(not all(met for _, met in judged))


def _chosen(chosen: dict[str, str]) -> str:
    shown = [f"{name}: {scheme}" for name, scheme in chosen.items() if scheme != "none"]
    return ", ".join(shown) or "nothing beside the variant"


def _metrics(rows: Sequence[dict[str, Any]]) -> str:
    return ", ".join(
        f"{m['name']} of {m['group']} "
        + (f"{m['bound']:.3g} FIT" if m["name"] == "PMHF" else f"{m['bound']:.3%}")
        for m in rows
    )


if __name__ == "__main__":
    sys.exit(main())
