"""Hardening of the matrix engine, against its bars: metrics, area, clock, duplication beside it.

Run ``python -m bench.harden_engine [--rows 16] [--faults 20000] [--no-permanent]``: tens of minutes
for 16x16, most of it compiling and mapping the flattened design.

- Transient faults (upsets, single and multiple, and transients of nets): SPFM at least 99 % on the
  upper bound, of flops and logic, of memories, and of both; residual failures below 1 FIT.
- Permanent faults (stuck at 0 and 1, checkers included): SPFM at least 99 %, LFM at least 90 %.
- Extra standard-cell area below 38 %, clock within 5 %. Full duplication is printed beside it.

The plan is that of ``dse harden``'s choice: row checksums on the array, all control in lockstep.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from boards.frozen import Frozen, freeze, write_verilog
from boards.protect import Plan, map_sky130, protect, with_plain_enables
from boards.protect.area import added_area_um2
from dse.harden import Budget, Chosen, Option, measure, plan_of
from dse.harden.measure import permanent
from dse.harden.subjects import engine_structure
from hw.export import export
from hw.matrix import MatrixConfig
from sim.faults.experiment import Experiment, Step, observe
from sim.faults.metrics import metrics

__all__ = ["AREA_BAR", "job_steps", "main"]

AREA_BAR, CLOCK_BAR, SPFM_BAR, LFM_BAR = 0.38, 0.05, 0.99, 0.90
CONTROL = ("array control", "buffer control", "result control", "sequencer", "control")
_TOP, _RESET, _TAIL = "kiln_matrix", 3, 24


def job_steps(config: MatrixConfig, seed: int = 0) -> list[Step]:
    """Return the inputs of a job of four tiles, all streams willing."""
    job = config.plan(config.rows + 1, config.rows + 3, 2 * config.cols)
    A, B = config.random(job, np.random.default_rng(seed))
    streams = {"a": config.pack_a(job, A), "b": config.pack_b(job, B)}
    words = {name: [_word(row, config.operand_bits) for row in s] for name, s in streams.items()}
    steps: list[Step] = []
    for cycle in range(_RESET + config.cycles(job).total + _TAIL):
        at = cycle - _RESET
        step = {"aresetn": int(at >= 0), "m_axis_tready": 1}
        if at == 0:
            step |= {"s_axis_cmd_tvalid": 1, "s_axis_cmd_tdata": config.descriptor(job)}
        for name, beats in words.items():
            if 0 <= at < len(beats):
                step |= {f"s_axis_{name}_tdata": beats[at], f"s_axis_{name}_tvalid": 1}
        steps.append(step)
    return steps


def _word(lanes: np.ndarray, bits: int) -> int:
    return sum((int(lane) & ((1 << bits) - 1)) << (bits * at) for at, lane in enumerate(lanes))


def frozen(config: MatrixConfig) -> Frozen:
    """Return the engine's netlist."""
    return freeze(export(config, _TOP).verilog, _TOP)


def control_plan(netlist: Frozen, config: MatrixConfig) -> Plan:
    """Return the plan that puts all control in lockstep."""
    scheme = Option(name="lockstep/lockstep")
    return plan_of(
        netlist, engine_structure(config), Chosen(dict.fromkeys(CONTROL, scheme), (), 0.0)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--faults", type=int, default=20_000)
    parser.add_argument("--no-permanent", dest="permanent", action="store_false")
    parser.add_argument("--no-mapping", dest="mapping", action="store_false")
    given = parser.parse_args(arguments)
    base = MatrixConfig(
        rows=given.rows, cols=given.rows, multiplier="lut", result_rows=max(64, given.rows)
    )
    config = replace(base, checksum="row")
    netlist = frozen(config)
    made = protect(netlist, control_plan(netlist, config))
    print(f"{given.rows}x{given.rows} int8, output stationary, sky130")
    print(f"  registers  {frozen(base).flop_bits:,} -> {made.netlist.flop_bits:,} bits")
    failed = False
    if given.mapping:
        failed |= _areas(base, netlist, made)
    steps = job_steps(config)
    window = range(_RESET + 1, len(steps) - _TAIL)
    experiment = Experiment(made.netlist, steps, observe(made.netlist))

    def structure(name: str) -> str:
        inner = engine_structure(config)(name)
        return "protection" if name.startswith("shadow.") or inner == "checksum" else inner

    budget = Budget(faults=given.faults)
    found = measure(experiment, window, structure, budget, progress=_tell)
    rows = list(found.metrics)
    if given.permanent:
        parts = permanent(experiment, structure, budget, progress=_tell)
        rows += metrics(parts, mechanisms={"protection"})
    for metric in rows:
        bar = {"SPFM": SPFM_BAR, "LFM": LFM_BAR}.get(metric.name)
        good = metric.bound >= bar if bar else metric.bound < 1 or metric.nature == "permanent"
        failed |= not good
        value = f"{metric.value:.4%}, bound {metric.bound:.4%}"
        if bar is None:
            value = f"{metric.value:.4g} FIT, bound {metric.bound:.4g} FIT"
        print(f"  {metric.nature} {metric.name} of {metric.group}: {value} {'ok' * good}")
    return int(failed)


def _areas(base: MatrixConfig, netlist: Frozen, made: object) -> bool:
    from boards.protect import Protected

    assert isinstance(made, Protected)
    text = write_verilog(with_plain_enables(frozen(base)), synthesis=True)
    plain = map_sky130(text, _TOP, flat=True)
    mapped = map_sky130(made.verilog, _TOP, made.manifest, flat=True)
    share = mapped.area_um2 / plain.area_um2 - 1
    slower = mapped.period_ns / plain.period_ns - 1
    print(f"  cells      {plain.area_um2:,.0f} -> {mapped.area_um2:,.0f} um2, +{share:.1%}")
    print(f"  memories   {plain.macro_area_um2:,.0f} -> {mapped.macro_area_um2:,.0f} um2 (table)")
    print(f"  period     {plain.period_ns:.3f} -> {mapped.period_ns:.3f} ns, {slower:+.1%}")
    print(f"  lockstep's part {added_area_um2(netlist, made):,.0f} um2")
    print(f"  manifest whole: {made.manifest.flops} flip-flops in replicas")
    return share >= AREA_BAR or slower > CLOCK_BAR


def _tell(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
