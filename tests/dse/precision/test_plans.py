"""Plans: every GEMM has a format, and what is promised of quality was read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from boards.target import load_target
from dse.precision import GROUPS, Group, Sensitivities, format_sets, make_plans
from dse.precision.plans import assigned_trace, group_seconds, recorded_trace, stored_bytes
from dse.precision.readings import STAND_IN, Reading
from dse.workloads import Workload, load_workload
from hw.contracts import ConfigError, OperatorKind
from hw.matrix import mixed_config
from sim.quality.assignment import THIRDS, Assignment
from tests.dse.precision.toy import ToyReader

FORMATS = ("fp4_e2m1", "int8", "posit8", "bf16")
TARGET = load_target("ecpix5-85f")


@pytest.fixture(scope="module")
def gpt2() -> Workload:
    found = load_workload("gpt2")
    assert isinstance(found, Workload)
    return found


def table(loss: float = 0.02) -> Sensitivities:
    """Return sensitivities of which those of four bits grow from group to group."""
    growing = loss * np.linspace(0.01, 0.3, len(GROUPS))[:, None]
    divergence = growing * np.array([1.0, 0.01, 0.005, 0.0001])
    zero = np.zeros_like(divergence)
    return Sensitivities(
        groups=GROUPS,
        formats=FORMATS,
        divergence=divergence,
        divergence_error=zero,
        loss=divergence,
        loss_error=zero,
        base="float64",
        source=STAND_IN,
    )


def plans_of(gpt2: Workload, sets: tuple[str, ...], limit: float = 0.02, loss: float = 0.02):  # type: ignore[no-untyped-def]
    reader = ToyReader(table(loss))
    return make_plans(gpt2, TARGET, sets, limit, reader, reader.table), reader  # type: ignore[arg-type]


def test_plans_keep_the_limit_and_mix_where_that_saves_time(gpt2: Workload) -> None:
    (plans, left_out), reader = plans_of(gpt2, ("int8", "fp4_e2m1+int8", "fp4_e2m1"))
    assert [plan.formats for plan in plans] == ["int8", "fp4_e2m1+int8"]
    uniform, mixed = plans
    assert set(uniform.groups.values()) == {"int8"}
    assert mixed.modes == {"fp4_e2m1", "int8"}
    for plan in plans:
        assert plan.reading.worse <= math.log1p(0.02)
        assert plan.assignment in reader.asked
        assert ">bf16" in plan.assignment
    assert "fp4_e2m1" in left_out
    assert "keeps the perplexity" in left_out["fp4_e2m1"]
    assert mixed.stored_bytes < uniform.stored_bytes


def test_a_set_that_needs_only_one_of_its_formats_is_left_out(gpt2: Workload) -> None:
    (plans, left_out), _ = plans_of(gpt2, ("int8", "fp4_e2m1+int8"), loss=0.6)
    assert [plan.formats for plan in plans] == ["int8"]
    assert left_out["fp4_e2m1+int8"] == "within the limit it uses int8 only"


def test_nothing_within_the_limit_is_refused(gpt2: Workload) -> None:
    with pytest.raises(ConfigError, match="keeps the perplexity within"):
        plans_of(gpt2, ("fp4_e2m1",), limit=0.001, loss=1.0)


def test_the_refusal_is_of_the_set_that_comes_nearest(gpt2: Workload) -> None:
    with pytest.raises(ConfigError, match="; posit8 loses least, "):
        plans_of(gpt2, ("fp4_e2m1", "int8", "posit8"), limit=1e-5, loss=1.0)


def test_all_gemms_have_a_format_and_nothing_else_changes(gpt2: Workload) -> None:
    formats = {group: "int8" if group.third != "last" else "fp4_e2m1" for group in GROUPS}
    plain, mixed = gpt2.trace(), assigned_trace(gpt2, formats)
    assert mixed.totals() == plain.totals()
    for op in mixed.operators:
        assert bool(op.format) == (op.kind is OperatorKind.GEMM)
    counts = {
        name: sum(op.count for op in mixed.operators if op.name == "proj" and op.format == name)
        for name in ("int8", "fp4_e2m1")
    }
    assert counts["int8"] == 2 * counts["fp4_e2m1"]


def test_stored_bytes_are_those_of_the_containers(gpt2: Workload) -> None:
    (plans, _), _ = plans_of(gpt2, ("int8", "posit8"))
    trace = gpt2.trace()
    for plan in plans:
        assert plan.stored_bytes == trace.footprint(8).total_bytes


def test_narrow_formats_cost_less_time(gpt2: Workload) -> None:
    config = mixed_config(
        formats="fp4_e2m1+int8", rows=8, cols=8, multiplier="dsp", pipeline=2,
        a_depth=2048, b_depth=2048, banks=1,
    )  # fmt: skip
    costs = group_seconds(gpt2, TARGET, ("fp4_e2m1", "int8"), config)
    assert set(costs.groups) == set(GROUPS)
    ratio = costs.total[:, 0] / costs.total[:, 1]
    large = [costs.groups.index(Group(name, "first")) for name in ("qkv", "ffn_up", "ffn_down")]
    assert (ratio <= 1).all()
    assert (np.abs(ratio[large] - 0.5) < 0.06).all()  # a longer K fits the buffer as well


def test_formats_make_up_sets() -> None:
    assert format_sets(("int8", "fp4_e2m1")) == ("int8", "fp4_e2m1+int8", "fp4_e2m1")
    with pytest.raises(ConfigError, match=r"formats=int12 are those of no engine.*posit8, or all"):
        format_sets(("int12",))


def test_a_recorded_assignment_carries_over_to_another_model(tmp_path: Path) -> None:
    medium = load_workload("gpt2-medium")
    assert isinstance(medium, Workload)
    path, formats = tmp_path / "formats.json", ("fp4_e2m1", "posit8")
    assert {op.format for op in recorded_trace(medium, path, formats).operators} == {
        "",
        "fp4_e2m1",
    }
    path.write_text(json.dumps({"operators": {"ffn_up.last": "fp4", "qkv.first": "posit8"}}))
    found = recorded_trace(medium, path, formats)
    counts = {
        of: sum(op.count for op in found.operators if (op.name, op.format) == ("qkv", of))
        for of in formats
    }
    assert counts["fp4_e2m1"] == 2 * counts["posit8"] > 0
    path.write_text(json.dumps({"operators": {"ffn_up.last": "int8"}}))
    with pytest.raises(ConfigError, match="names formats that the engine lacks: int8"):
        recorded_trace(medium, path, formats)
    path.write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        recorded_trace(medium, path, formats)


class Rounding(ToyReader):
    """A reader whose losses grow by `more` where results are rounded into BF16."""

    more = 0.004

    def read(self, assignment: Assignment) -> Reading:
        found = super().read(assignment)
        if ">bf16" not in assignment.text:
            return found
        return replace(found, loss=found.loss + self.more, divergence=found.divergence + self.more)


def test_the_rounding_of_results_counts_within_the_limit(gpt2: Workload) -> None:
    reader = Rounding(table())
    plans, _ = make_plans(gpt2, TARGET, ("fp4_e2m1+int8",), 0.02, reader, reader.table)  # type: ignore[arg-type]
    assert plans[0].reading.worse <= math.log1p(0.02)
    free, _ = plans_of(gpt2, ("fp4_e2m1+int8",))[0]
    narrow = [sum(name == "fp4_e2m1" for name in p.groups.values()) for p in (plans[0], free[0])]
    assert 0 < narrow[0] < narrow[1]
    with pytest.raises(ConfigError, match=r"rounding results into bf16 keeps int8 from .* 0\.001 "):
        make_plans(gpt2, TARGET, ("int8",), 0.001, reader, reader.table)  # type: ignore[arg-type]


def test_every_operator_is_rounded_and_windows_are_measured_as_windows(gpt2: Workload) -> None:
    (plans, _), _ = plans_of(gpt2, ("fp4_e2m1+int8", "bf16"))
    mixed, wide = plans
    assert all(part.endswith(">bf16") for part in mixed.assignment.split(","))
    assert wide.assignment == "bf16@27>bf16"
    assert "@" not in mixed.assignment


def test_all_experts_are_stored(gpt2: Workload) -> None:
    mixtral = load_workload("mixtral-8x7b")
    assert isinstance(mixtral, Workload)
    formats = {g: "fp4_e2m1" if g.operator.startswith("ffn") else "int8" for g in GROUPS}
    model, trace = mixtral.model, assigned_trace(mixtral, formats)
    assert model.moe is not None
    experts = 3 * model.hidden * model.moe.ffn * model.moe.experts * model.layers
    router = model.hidden * model.moe.experts * model.layers
    weights = trace.weights - (experts + router) / 2
    assert stored_bytes(mixtral, trace, formats) == math.ceil(weights + trace.kv_peak)
    half = dict.fromkeys(GROUPS, "int8") | {Group("qk", t): "fp4_e2m1" for t in THIRDS}
    half |= {Group("av", t): "fp4_e2m1" for t in THIRDS}
    small = assigned_trace(gpt2, half)
    assert stored_bytes(gpt2, small, half) == math.ceil(small.weights + small.kv_peak / 2)
