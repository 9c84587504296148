"""Operator records: shapes of the reference, totals equal to the counts, steps as promised."""

from __future__ import annotations

import numpy as np
import pytest

from dse.workloads import (
    Scenario,
    Trace,
    Workload,
    attention_macs_per_context_token,
    builtin_model,
    builtin_models,
    kv_elements_per_token,
    linear_macs_per_token,
    parameters,
)
from hw.contracts import ConfigError, Operand, Operator, OperatorKind, Phase


def run_case(name: str, prompt: int = 128, generate: int = 64, batch: int = 1) -> Trace:
    scenario = Scenario.fixed(prompt, generate, batch)
    return Workload(model=builtin_model(name), scenario=scenario).trace()


def find(trace: Trace, phase: Phase, name: str) -> list[Operator]:
    return [op for op in trace.operators if op.phase is phase and op.name == name]


def shape(op: Operator) -> tuple[int, int, int, int]:
    return op.m, op.k, op.n, op.count


def linear_macs(trace: Trace, phase: Phase) -> int:
    return sum(op.macs * op.count for op in trace.phase(phase) if op.right is Operand.WEIGHT)


def attention_macs(trace: Trace, phase: Phase) -> int:
    return trace.totals(phase).macs - linear_macs(trace, phase)


@pytest.mark.parametrize("name", builtin_models())
def test_a_decode_step_costs_what_the_counts_say(name: str) -> None:
    model = builtin_model(name)
    trace = run_case(name, prompt=99, generate=2, batch=3)
    assert linear_macs(trace, Phase.DECODE) == 3 * linear_macs_per_token(model)
    assert attention_macs(trace, Phase.DECODE) == 300 * attention_macs_per_context_token(model)


@pytest.mark.parametrize("name", builtin_models())
def test_prefill_costs_what_the_counts_say(name: str) -> None:
    model = builtin_model(name)
    head = model.vocab * model.hidden
    linear = 2 * (7 * (linear_macs_per_token(model) - head) + head)  # LM head: last token only
    assert linear_macs(run_case(name, prompt=7, batch=2), Phase.PREFILL) == linear


@pytest.mark.parametrize("name", [name for name in builtin_models() if name != "deepseek-v3"])
def test_prefill_attention_is_dense(name: str) -> None:
    macs = attention_macs(run_case(name, prompt=16), Phase.PREFILL)
    assert macs == 16 * 16 * attention_macs_per_context_token(builtin_model(name))


def test_gpt2_decodes_at_contexts_129_to_191() -> None:
    trace = run_case("gpt2")
    steps = find(trace, Phase.DECODE, "qk")
    assert [op.context for op in steps] == list(range(129, 192))
    assert all(shape(op) == (1, 64, op.context, 144) for op in steps)
    assert (trace.prefills, trace.decode_steps) == (1, 63)


def test_gpt2_block_has_the_gemms_of_the_peer_table() -> None:
    trace = run_case("gpt2")
    gemms = {
        op.name: (op.m, op.k, op.n)
        for op in trace.phase(Phase.PREFILL)
        if op.kind is OperatorKind.GEMM
    }
    assert gemms == {
        "qkv": (128, 768, 2304),
        "qk": (128, 64, 128),
        "av": (128, 128, 64),
        "proj": (128, 768, 768),
        "ffn_up": (128, 768, 3072),
        "ffn_down": (128, 3072, 768),
        "lm_head": (1, 768, 50257),
    }


def test_gpt2_has_every_operator_besides_its_gemms() -> None:
    kinds = {op.kind for op in run_case("gpt2").operators}
    assert kinds == {
        OperatorKind.GEMM,
        OperatorKind.EMBEDDING,
        OperatorKind.LAYERNORM,
        OperatorKind.SOFTMAX,
        OperatorKind.GELU,
        OperatorKind.RESIDUAL,
        OperatorKind.TOPK,
    }


def test_grouped_queries_share_the_rows_of_their_kv_head() -> None:
    trace = run_case("llama-3.1-8b", prompt=10, generate=2, batch=3)
    (prefill,) = find(trace, Phase.PREFILL, "qk")
    (decode,) = find(trace, Phase.DECODE, "av")
    assert shape(prefill) == (10 * 4, 128, 10, 32 * 3 * 8)
    assert shape(decode) == (4, 11, 128, 32 * 3 * 8)
    assert decode.right is Operand.KV_CACHE


def test_rope_and_gate_of_llama() -> None:
    trace = run_case("llama-3.1-8b", prompt=10)
    (rope,) = find(trace, Phase.PREFILL, "rope")
    (gate,) = find(trace, Phase.PREFILL, "ffn_multiply")
    assert (rope.kind, shape(rope)) == (OperatorKind.ROPE, (10 * (32 + 8), 1, 128, 32))
    assert (gate.kind, shape(gate)) == (OperatorKind.MULTIPLY, (10, 1, 14336, 32))


def test_qwen_normalises_queries_and_keys() -> None:
    trace = run_case("qwen3-32b", prompt=3)
    assert shape(find(trace, Phase.PREFILL, "q_norm")[0]) == (3 * 64, 1, 128, 64)
    assert shape(find(trace, Phase.PREFILL, "k_norm")[0]) == (3 * 8, 1, 128, 64)


def test_experts_share_the_tokens_evenly() -> None:
    trace = run_case("mixtral-8x7b", prompt=5)  # 10 assignments on 8 experts: 2 of 2 and 6 of 1
    assert [shape(op) for op in find(trace, Phase.PREFILL, "expert_up")] == [
        (2, 4096, 14336, 2 * 32),
        (1, 4096, 14336, 6 * 32),
    ]
    assert shape(find(trace, Phase.PREFILL, "router")[0]) == (5, 4096, 8, 32)
    assert shape(find(trace, Phase.PREFILL, "router_topk")[0]) == (5, 1, 8, 32)


def test_one_token_reaches_top_k_experts() -> None:
    (up,) = find(run_case("qwen3-30b-a3b", generate=2), Phase.DECODE, "expert_up")
    assert shape(up) == (1, 2048, 768, 8 * 48)


def test_deepseek_keeps_dense_layers_and_a_shared_expert() -> None:
    trace = run_case("deepseek-v3", generate=2)
    assert shape(find(trace, Phase.DECODE, "ffn_up")[0]) == (1, 7168, 18432, 3)
    assert shape(find(trace, Phase.DECODE, "shared_up")[0]) == (1, 7168, 2048, 58)


def test_latent_attention_is_plain_in_prefill_and_absorbed_in_decode() -> None:
    trace = run_case("deepseek-v3", prompt=10, generate=2)
    (plain,) = find(trace, Phase.PREFILL, "qk")
    (absorbed,) = find(trace, Phase.DECODE, "qk")
    assert (shape(plain), plain.right) == ((10, 192, 10, 61 * 128), Operand.ACTIVATION)
    assert (shape(absorbed), absorbed.right) == ((128, 576, 11, 61), Operand.KV_CACHE)
    assert not find(trace, Phase.DECODE, "kv_up")
    assert not find(trace, Phase.PREFILL, "q_absorb")


def test_absorbed_halves_are_the_elements_of_kv_up() -> None:
    trace = run_case("deepseek-v3", generate=2)
    halves = [find(trace, Phase.DECODE, f"{half}_absorb")[0] for half in "qv"]
    (whole,) = find(trace, Phase.PREFILL, "kv_up")
    elements = sum(op.right_elements * op.count for op in halves)
    assert elements == whole.right_elements * whole.count


def test_one_generated_token_needs_no_decode_step() -> None:
    trace = run_case("gpt2", generate=1)
    assert not trace.phase(Phase.DECODE)
    assert trace.decode_steps == 0


def test_identical_operators_are_stored_once() -> None:
    operators = run_case("deepseek-v3").operators
    keys = [
        (op.name, op.kind, op.phase, op.m, op.k, op.n, op.right, op.context) for op in operators
    ]
    assert len(set(keys)) == len(keys)


def test_totals_add_up() -> None:
    trace = run_case("gpt2")
    prefill, decode = trace.totals(Phase.PREFILL), trace.totals(Phase.DECODE)
    assert trace.macs == prefill.macs + decode.macs
    assert trace.weight_elements == prefill.weight_elements + decode.weight_elements
    assert decode.weight_elements == 63 * 123_532_032
    assert decode.kv_elements == sum(range(129, 192)) * 18_432
    assert trace.kv_written == (128 + 63) * 18_432


def test_table_is_the_operators() -> None:
    trace = run_case("gpt2")
    table = trace.table()
    assert len({len(column) for column in table.values()}) == 1
    gemm = table["kind"] == list(OperatorKind).index(OperatorKind.GEMM)
    macs = (table["m"] * table["k"] * table["n"] * table["count"])[gemm]
    assert macs.sum() == trace.macs
    row = next(i for i, op in enumerate(trace.operators) if op.name == "lm_head")
    assert trace.names[table["name"][row]] == "lm_head"
    assert table["m"].dtype == np.int64


def test_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        run_case("gpt2").table()["m"][0] = 1


def test_footprint_follows_the_widths() -> None:
    trace = run_case("gpt2", batch=2)
    need = trace.footprint(weight_bits=4, kv_bits=8)
    assert need.weight_bytes == parameters(builtin_model("gpt2")) // 2
    assert need.kv_bytes == 2 * 191 * kv_elements_per_token(builtin_model("gpt2"))
    assert need.total_bytes == need.weight_bytes + need.kv_bytes


def test_a_model_larger_than_the_memory_is_refused() -> None:
    need = run_case("gpt2").footprint(weight_bits=4)
    need.check(512 << 20, "a large board")
    with pytest.raises(ConfigError, match=r"gpt2 needs 61\.0 MiB .* a small board has 32\.0 MiB"):
        need.check(32 << 20, "a small board")


@pytest.mark.parametrize("bits", [0, -8, 65])
def test_absurd_widths_are_refused(bits: int) -> None:
    with pytest.raises(ConfigError, match="is not a width; use 1 to 64"):
        run_case("gpt2").footprint(bits)
