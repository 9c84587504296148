"""Area of the mixed-precision multiply-accumulate unit, against its bars.

Run ``python -m bench.mac_area [--quick]``; minutes the first time, then from the cache.

- UltraScale+: LUT of the reference unit, no DSP, against 1,600 (two published units that cover
  less take 2,241 together, `reference/accelerators.md`). LUTs used as shift registers count.
- sky130: cell area of the reference unit against the sum of four single-format units, each the
  smallest of what is tried here (levels of registers, sharing and step vary) that has the same
  port, throughput and accumulator, and at least the same clock by static timing before layout; the
  bar is 42 % below.
- Overhead in LUT and FF over the widest single-precision unit (SPADE: 6.9 % and 14.9 %).

Beside them: wide port, quire, shared multiplier. ``--quick`` leaves those out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from bench.mac_units import MODES, OWN, QUIRE, REFERENCE, SHARED, WIDE, single
from boards.flows import synthesize, used
from boards.flows.synthesis import synthesis
from boards.target import Target, load_target
from dse.explore.ladder import measure_clock
from hw.export import export
from hw.mac import MacConfig

__all__ = ["LUT_BAR", "SAVING_BAR", "main"]

LUT_BAR, SAVING_BAR = 1600, 0.42
SPADE = (0.069, 0.149)
ASIC_PIPELINE = 1
"""Levels of registers of the unit that is compared on sky130."""
_LIMIT_S = 3600.0


def area(config: MacConfig, target: Target) -> dict[str, float]:
    """Return what `config` takes of each resource."""
    metrics = synthesize(export(config, "kiln_mac"), target, timeout_s=_LIMIT_S)
    names = ("cell_area_um2",) if target.family == "sky130" else ("lut", "ff", "dsp")
    return {name: used(metrics, name) for name in names}


@cache
def on_asic(config: MacConfig) -> tuple[float, float]:
    """Return cell area in um2 and clock in MHz, before layout."""
    target = load_target("sky130")
    design = export(config, "kiln_mac")
    found = synthesis(design, target, timeout_s=_LIMIT_S)
    clock, _ = measure_clock(design, found, target, seed=0)
    return used(found.metrics, "cell_area_um2"), clock["clock_mhz_modelled"].value


def smallest(mode: str, unit: MacConfig, clock_mhz: float) -> MacConfig:
    """Return the single-format unit of the least area that is no slower."""
    tried = [
        single(mode, unit, gating=False, step=step, sharing=sharing, pipeline=pipeline)
        for step in (8, 16)
        for sharing in ("shared", "dedicated")
        for pipeline in (1, 2, 3)
    ]
    quick = [config for config in tried if on_asic(config)[1] >= clock_mhz]
    return min(quick, key=lambda config: on_asic(config)[0])


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
    """Print cell areas and clocks; return whether the bar is met."""
    unit = replace(REFERENCE, pipeline=ASIC_PIPELINE, gating=False)
    whole = min((replace(unit, sharing=s) for s in ("shared", "dedicated")), key=_area)
    print(f"sky130, cell area in um2 and MHz, {ASIC_PIPELINE} levels of registers at most of 3")
    _asic_line(f"all four, {whole.sharing}", whole)
    alone = [smallest(mode, unit, on_asic(whole)[1]) for mode in MODES]
    for mode, config in zip(MODES, alone, strict=True):
        _asic_line(mode, config)
    saving = _saving(whole, alone)
    ok = saving >= SAVING_BAR
    print(
        f"  {'pass' if ok else 'FAIL'}: {saving:.1%} below their sum at no lower clock, "
        f"bar {SAVING_BAR:.0%}"
    )
    level = [replace(config, pipeline=ASIC_PIPELINE) for config in alone]
    slowest = min(on_asic(config)[1] for config in level)
    print(f"  {_saving(whole, level):.1%} below at equal depth, the slowest at {slowest:.1f} MHz")
    if not quick:
        for name, config in {"quire": QUIRE, "wide port": WIDE}.items():
            _asic_line(name, replace(config, pipeline=ASIC_PIPELINE))
    return ok


def _saving(whole: MacConfig, alone: Sequence[MacConfig]) -> float:
    return 1 - _area(whole) / sum(_area(config) for config in alone)


def _area(config: MacConfig) -> float:
    return on_asic(config)[0]


def _asic_line(name: str, config: MacConfig) -> None:
    found, clock = on_asic(config)
    print(
        f"  {name:20} {found:9.0f} {clock:6.1f}   {config.pipeline} levels, step {config.step}, "
        f"{config.sharing}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what has a bar")
    options = parser.parse_args(arguments)
    met = [ultrascale(options.quick), asic(options.quick)]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
