"""Area of the mixed-precision multiply-accumulate unit, against its bars.

Run ``python -m bench.mac_area [--quick]``; minutes the first time, then from the cache.

- UltraScale+: LUT of the reference unit, no DSP, against 1,600 (two published units that cover
  less take 2,241 together, `reference/accelerators.md`). LUTs used as shift registers count.
- sky130: cell area of the reference unit against the sum of four single-format units, each the
  smallest of what is tried here (gating, sharing and step vary) with the same port, throughput,
  accumulator and number of pipeline registers; the bar is 42 % below.
- Overhead in LUT and FF over the widest single-precision unit (SPADE: 6.9 % and 14.9 %).

Beside them: wide port, quire, shared multiplier. ``--quick`` leaves those out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from bench.mac_units import MODES, OWN, QUIRE, REFERENCE, SHARED, WIDE, single
from boards.flows import synthesize, used
from boards.target import Target, load_target
from hw.export import export
from hw.mac import MacConfig

__all__ = ["LUT_BAR", "SAVING_BAR", "main"]

LUT_BAR, SAVING_BAR = 1600, 0.42
SPADE = (0.069, 0.149)
ASIC_PIPELINE = 2
"""Registers of the sky130 comparison, on both sides alike."""
_LIMIT_S = 3600.0


def area(config: MacConfig, target: Target) -> dict[str, float]:
    """Return what `config` takes of each resource."""
    metrics = synthesize(export(config, "kiln_mac"), target, timeout_s=_LIMIT_S)
    names = ("cell_area_um2",) if target.family == "sky130" else ("lut", "ff", "dsp")
    return {name: used(metrics, name) for name in names}


def smallest(mode: str, target: Target, unit: MacConfig) -> tuple[float, MacConfig]:
    """Return the least cell area of a single-format unit, and the unit."""
    tried = [single(mode, unit, gating=False, step=step) for step in (8, 16)]
    found = [(area(config, target)["cell_area_um2"], config) for config in tried]
    return min(found, key=lambda pair: pair[0])


def ultrascale(quick: bool) -> bool:
    """Print LUT, FF and DSP; return whether the bar is met."""
    target = load_target("alveo-u55c")
    reference = area(REFERENCE, target)
    ok = reference["lut"] <= LUT_BAR and not reference["dsp"]
    print(f"{target.name}, LUT / FF / DSP")
    _fpga_line("reference", REFERENCE, reference)
    print(f"  {'pass' if ok else 'FAIL'}: {reference['lut']:.0f} LUT, bar {LUT_BAR}")
    widest = area(single("posit16"), target)
    _fpga_line("posit16 alone", single("posit16"), widest)
    over = [reference[name] / widest[name] - 1 for name in ("lut", "ff")]
    print(
        f"  overhead over posit16 alone: LUT {over[0]:+.1%} (SPADE {SPADE[0]:.1%}), "
        f"FF {over[1]:+.1%} (SPADE {SPADE[1]:.1%})"
    )
    if not quick:
        units = {
            "fewer registers": replace(REFERENCE, pipeline=2),
            "shared multiplier": SHARED,
            "step 8, window 38": OWN,
            "quire": QUIRE,
            "wide port": WIDE,
        }
        for name, config in units.items():
            _fpga_line(name, config, area(config, target))
    return ok


def _fpga_line(name: str, config: MacConfig, found: dict[str, float]) -> None:
    print(
        f"  {name:20} {found['lut']:6.0f} {found['ff']:6.0f} {found['dsp']:4.0f}"
        f"   latency {config.latency}",
        flush=True,
    )


def asic(quick: bool) -> bool:
    """Print cell areas; return whether the bar is met."""
    target = load_target("sky130")
    unit = replace(REFERENCE, pipeline=ASIC_PIPELINE)
    candidates = [replace(unit, gating=False, sharing=s) for s in ("shared", "dedicated")]
    whole, chosen = min(
        ((area(config, target)["cell_area_um2"], config) for config in candidates),
        key=lambda pair: pair[0],
    )
    print(f"{target.name}, cell area in um2, {ASIC_PIPELINE} of 3 levels of registers")
    print(f"  all four, {chosen.sharing:10} {whole:9.0f}", flush=True)
    total = 0.0
    for mode in MODES:
        found, config = smallest(mode, target, unit)
        total += found
        print(f"  {mode:20} {found:9.0f}   step {config.step}", flush=True)
    saving = 1 - whole / total
    ok = saving >= SAVING_BAR
    print(
        f"  {'pass' if ok else 'FAIL'}: {saving:.1%} below the sum {total:.0f}, "
        f"bar {SAVING_BAR:.0%}"
    )
    if not quick:
        for name, config in {"quire": QUIRE, "wide port": WIDE}.items():
            found = area(replace(config, pipeline=ASIC_PIPELINE), target)["cell_area_um2"]
            print(f"  {name:20} {found:9.0f}", flush=True)
    return ok


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what has a bar")
    options = parser.parse_args(arguments)
    met = [ultrascale(options.quick), asic(options.quick)]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
