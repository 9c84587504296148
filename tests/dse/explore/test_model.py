"""All designs of a space at once: the same objectives as one design by itself."""

from __future__ import annotations

import numpy as np
import pytest

from boards.power import energy_model
from boards.target import load_target
from dse.explore.limits import Limits
from dse.explore.model import AcceleratorModel, engine_duty, engine_power
from dse.workloads import load_workload, make_scenario
from hw.contracts import power_of_two
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.system import config_columns, time_trace
from surrogates.additive import predict

TRACE = load_workload("gpt2", make_scenario(prompt=128, generate=64)).trace()
SPACE = MATRIX_SPACE.restrict({"operand_bits": 8, "rows": (4, 16, 64), "a_depth": (512, 8192)})


def alone(config: MatrixConfig, target_name: str) -> dict[str, float]:
    """Return the objectives of one design: operators added up in plain Python."""
    target, columns = load_target(target_name), config_columns([config])
    predicted = predict(columns, target.family)
    clock = min(float(predicted["clock_mhz"][0]), target.clock.max_mhz)
    times = time_trace(TRACE, config, target, clock)
    spent = dict.fromkeys(
        ("prefill_engine_ms", "prefill_host_ms", "decode_engine_ms", "decode_host_ms"), 0.0
    )
    for row in times.operators:
        spent[f"{row.phase}_{'engine' if row.block == 'matrix' else 'host'}_ms"] += row.ms
    cycles = sum(row.cycles for row in times.operators)
    use = TRACE.macs / config.macs_per_cycle / cycles
    duty = engine_duty(spent | {"utilisation": use})
    model = energy_model(target.family, target.budget.get("lut"))
    return {
        "engine_cycles": cycles,
        "latency_ms": times.latency_ms,
        "power_mw": float(engine_power(columns, predicted, model, clock, duty)[0]),
        "area": float(predicted["area_um2" if target.family == "sky130" else "lut"][0]),
    }


@pytest.mark.parametrize("target", ["ecpix5-85f", "sky130"])
def test_every_objective_of_a_whole_space_is_that_of_each_design_alone(target: str) -> None:
    model = AcceleratorModel(SPACE, TRACE, load_target(target), Limits())
    points = np.random.default_rng(4).choice(len(SPACE), 40, replace=False)
    figures = {name: values[points] for name, values in model.figures.items()}
    chosen = model.quantities(points, figures)
    whole = model.modelled | model.figures
    for at, point in enumerate(points):
        config = SPACE.decode(SPACE.point(int(point)))
        for name, value in alone(config, target).items():
            assert whole[name][point] == pytest.approx(value, rel=1e-6)
            assert chosen[name][at] == pytest.approx(value, rel=1e-6)


def test_unequal_axes_keep_the_order_of_points() -> None:
    space = MATRIX_SPACE.restrict({"operand_bits": 8, "cols": (8, 32), "dataflow": "ws"})
    space.knobs["b_depth"] = power_of_two(256, 1024)
    model = AcceleratorModel(space, TRACE, load_target("ecpix5-85f"), Limits())
    for point in (0, 1, len(space) // 2 + 7, len(space) - 1):
        single = predict(config_columns([space.decode(space.point(point))]), "ecp5")
        for name, value in single.items():
            assert model.predicted[name][point] == pytest.approx(value[0], rel=1e-9)
