"""Groups: which operators they have, at any depth."""

from __future__ import annotations

from collections import Counter

import pytest

from dse.precision import GROUPS, Group, make_assignment, operator_class, split_operators
from dse.precision.groups import groups_of, shares
from dse.workloads import Scenario, builtin_model, builtin_models, load_workload
from hw.contracts import ConfigError, Operator, OperatorKind, Phase
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import Assignment, third_of


def test_there_are_nineteen() -> None:
    assert len(GROUPS) == 19
    assert [Group.parse(group.name) for group in GROUPS] == list(GROUPS)


@pytest.mark.parametrize("name", ["ffn_up", "ffn.first", "lm_head.last", "qkv.frist", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"group .* is not known; (did you mean|known)"):
        Group.parse(name)


@pytest.mark.parametrize("name", builtin_models())
def test_every_gemm_of_every_model_is_split_without_loss(name: str) -> None:
    model = builtin_model(name)
    operators = load_workload(name, Scenario.fixed(prompt=16, generate=4)).trace().operators
    gemms = [operator for operator in operators if operator.kind is OperatorKind.GEMM]
    parts = split_operators(operators, model)
    assert list(parts) == [group for group in GROUPS if group in parts]
    total = sum(op.macs * op.count for group in parts.values() for op in group)
    assert total == sum(op.macs * op.count for op in gemms)
    runs = Counter(op.name for group in parts.values() for op in group for _ in range(1))
    assert set(runs) == {op.name for op in gemms}


def test_gpt2_has_four_layers_in_each_third() -> None:
    model = builtin_model("gpt2")
    parts = split_operators(load_workload("gpt2").trace().operators, model)
    counts = {group.name: [op.count for op in ops] for group, ops in parts.items()}
    assert counts["ffn_up.first"] == counts["ffn_up.last"] == [4, 4 * 63]
    assert counts["lm_head"] == [1, 63]
    assert len(parts) == 19


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 7, 12, 32, 61])
def test_shares_are_those_of_the_runner(layers: int) -> None:
    expected = Counter(third_of(layer, layers) for layer in range(layers))
    assert dict(shares(range(layers), layers)) == dict(expected)


def test_dense_layers_of_a_mixture_come_first() -> None:
    name = next(
        name
        for name in builtin_models()
        if (moe := builtin_model(name).moe) is not None and moe.dense_layers
    )
    model = builtin_model(name)
    dense = Operator(
        name="ffn_up", kind=OperatorKind.GEMM, phase=Phase.DECODE, m=1, n=1,
        count=2 * model.dense_layers,
    )  # fmt: skip
    assert groups_of(dense, model) == {Group("ffn_up", "first"): 2 * model.dense_layers}
    expert = Operator(
        name="expert_up", kind=OperatorKind.GEMM, phase=Phase.DECODE, m=1, n=1,
        count=8 * model.moe_layers,
    )  # fmt: skip
    found = groups_of(expert, model)
    last = sum(third_of(layer, model.layers) == "last" for layer in range(model.layers))
    assert found[Group("ffn_up", "last")] == 8 * last
    assert sum(found.values()) == expert.count


def test_what_cannot_be_split_is_refused() -> None:
    model = builtin_model("gpt2")
    odd = Operator(name="qkv", kind=OperatorKind.GEMM, phase=Phase.DECODE, m=1, n=1, count=13)
    with pytest.raises(ConfigError, match=r"'qkv' runs 13 times, .* each of 12 layers"):
        groups_of(odd, model)
    with pytest.raises(ConfigError, match=r"operator 'gemm_0' is of no class"):
        operator_class("gemm_0")


def test_assignments_are_short_and_say_the_same() -> None:
    int8, fp4, bf16 = (Arithmetic.parse(name) for name in ("int8", "fp4", "bf16@24"))
    formats = dict.fromkeys(GROUPS, int8)
    assert make_assignment(formats).text == "int8"
    formats |= {Group("ffn_up", third): fp4 for third in ("first", "middle", "last")}
    formats |= {Group("qkv", "last"): fp4, Group("lm_head"): bf16}
    found = make_assignment(formats)
    assert found.text == "int8,ffn_up=fp4_e2m1,lm_head=bf16@24,qkv.last=fp4_e2m1"
    for layers in (3, 12, 31):
        for group, arithmetic in formats.items():
            span = [
                n for n in range(layers) if not group.third or third_of(n, layers) == group.third
            ]
            assert all(found.of(group.operator, layer, layers) == arithmetic for layer in span)
    assert Assignment.parse(found.text) == found


def test_a_workload_of_few_groups_is_assigned_as_well() -> None:
    fp4, int8 = Arithmetic.parse("fp4"), Arithmetic.parse("int8")
    found = make_assignment({Group("qkv", "first"): fp4, Group("qkv", "last"): int8})
    assert found.of("qkv", 0, 3) == fp4
    assert found.of("qkv", 2, 3) == int8
