"""The operator records of one pass through a model.

Conventions, beside those of the reference table:

- Biases and the attention scale belong to the epilogue of their GEMM and have no record.
- Prefill attention is recorded dense, as an array without masks computes it; the causal mask
  would spare up to half of it.
- Grouped-query attention folds the query heads of a KV head into ``m``; the count is per KV head.
- In prefill only the last token of a sequence meets the final norm and the LM head.
- Latent attention runs plain in prefill (keys and values expanded by ``kv_up``) and absorbed in
  decode: ``q_absorb`` and ``v_absorb`` are the two halves of ``kv_up`` moved to the query and
  the result, so that all heads share the cached latent, which qk and av each read once.
- Experts are taken to be balanced: ``rows * top_k`` assignments spread evenly over as many
  experts as they can reach, which is the most weight traffic they can cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hw.contracts import Operand, Operator, OperatorKind, Phase

from .counts import Linear, linears
from .model import MlaSpec, ModelSpec, MoeSpec

__all__ = ["Pass", "pass_operators", "score_operators"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One run of the model: `tokens` new tokens of `batch` sequences at a context of `context`.

    Parameters
    ----------
    model : ModelSpec
        The model.
    phase : Phase
        Prefill or decode.
    tokens, batch, context : int
        New tokens per sequence, sequences, and tokens per sequence when the pass ends.
    runs : int
        Equal passes that the records count.
    """

    model: ModelSpec
    phase: Phase
    tokens: int
    batch: int
    context: int
    runs: int

    @property
    def rows(self) -> int:
        """New tokens of all sequences."""
        return self.tokens * self.batch

    def gemm(
        self,
        name: str,
        m: int,
        k: int,
        n: int,
        count: int,
        right: Operand = Operand.WEIGHT,
        context: int = 0,
    ) -> Operator:
        """Return a GEMM that runs `count` times per pass."""
        return Operator(
            name=name,
            kind=OperatorKind.GEMM,
            phase=self.phase,
            m=m,
            k=k,
            n=n,
            count=count * self.runs,
            right=right,
            context=context,
        )

    def other(
        self, name: str, kind: OperatorKind, m: int, n: int, count: int, context: int = 0
    ) -> Operator:
        """Return `m` rows of `n` elements of anything but a GEMM, `count` times per pass."""
        return Operator(
            name=name,
            kind=kind,
            phase=self.phase,
            m=m,
            n=n,
            count=count * self.runs,
            right=Operand.ACTIVATION,
            context=context,
        )

    def norm(self, name: str, m: int, n: int, count: int) -> Operator:
        """Return a normalisation of the model's kind."""
        return self.other(name, OperatorKind(self.model.norm), m, n, count)

    def residual(self, name: str, m: int, count: int) -> Operator:
        """Return an addition of `m` rows to the residual stream."""
        return self.other(name, OperatorKind.RESIDUAL, m, self.model.hidden, count)

    def linear(self, weight: Linear) -> Operator:
        """Return the GEMM of all rows with a weight matrix of the layers."""
        return self.gemm(weight.name, self.rows, weight.k, weight.n, weight.layers)


def pass_operators(run: Pass) -> Iterator[Operator]:
    """Yield all operators of a pass in order of execution, layers merged into the counts."""
    yield from _embedding(run)
    yield from _attention(run)
    yield run.norm("ffn_norm", run.rows, run.model.hidden, run.model.layers)
    if run.model.dense_layers:
        yield from _dense_ffn(run)
    if run.model.moe is not None and run.model.moe_layers:
        yield from _experts(run, run.model.moe)
    yield run.norm("final_norm", run.batch, run.model.hidden, 1)
    yield run.gemm("lm_head", run.batch, run.model.hidden, run.model.vocab, 1)
    yield run.other("sample", OperatorKind.TOPK, run.batch, run.model.vocab, 1)


def _embedding(run: Pass) -> Iterator[Operator]:
    hidden = run.model.hidden
    yield run.other("embedding", OperatorKind.EMBEDDING, run.rows, hidden, 1)
    if run.model.position == "learned":
        yield run.other("position_embedding", OperatorKind.EMBEDDING, run.rows, hidden, 1)
        yield run.residual("position_add", run.rows, 1)


def _attention(run: Pass) -> Iterator[Operator]:
    model = run.model
    yield run.norm("attn_norm", run.rows, model.hidden, model.layers)
    if model.mla is None:
        yield from _plain_projections(run)
        yield from score_operators(run)
    else:
        yield from _latent_attention(run, model.mla)
    yield run.linear(_weights(model, "attention")["proj"])
    yield run.residual("attn_residual", run.rows, model.layers)


def _plain_projections(run: Pass) -> Iterator[Operator]:
    model, width = run.model, run.model.head_dim
    yield run.linear(_weights(model, "attention")["qkv"])
    if model.qk_norm:
        yield run.norm("q_norm", run.rows * model.heads, width, model.layers)
        yield run.norm("k_norm", run.rows * model.kv_heads, width, model.layers)
    if model.position == "rope":
        yield _rope(run, model.heads + model.kv_heads, width)


def _rope(run: Pass, heads: int, width: int) -> Operator:
    return run.other("rope", OperatorKind.ROPE, run.rows * heads, width, run.model.layers)


def _latent_attention(run: Pass, mla: MlaSpec) -> Iterator[Operator]:
    model, weights = run.model, _weights(run.model, "attention")
    if mla.q_lora:
        yield run.linear(weights["q_down"])
        yield run.norm("q_norm", run.rows, mla.q_lora, model.layers)
        yield run.linear(weights["q_up"])
    else:
        yield run.linear(weights["q"])
    yield run.linear(weights["kv_down"])
    yield run.norm("kv_norm", run.rows, mla.kv_lora, model.layers)
    yield _rope(run, model.heads + 1, mla.rope)
    per_head = model.layers * model.heads
    if run.phase is Phase.PREFILL:
        yield run.linear(weights["kv_up"])
        yield from score_operators(run)
    else:
        yield run.gemm("q_absorb", run.rows, mla.nope, mla.kv_lora, per_head)
        yield from score_operators(run)
        yield run.gemm("v_absorb", run.rows, mla.kv_lora, mla.v, per_head)


def score_operators(run: Pass) -> Iterator[Operator]:
    """Yield QK^T, softmax and AV: the operators whose shapes grow with the context."""
    model, tokens, context = run.model, run.tokens, run.context
    if model.mla is None:
        rows, inner, outer = (
            tokens * (model.heads // model.kv_heads),
            model.head_dim,
            model.head_dim,
        )
        repeats, right = run.batch * model.kv_heads, Operand.KV_CACHE
    elif run.phase is Phase.PREFILL:
        rows, inner, outer = tokens, model.mla.nope + model.mla.rope, model.mla.v
        repeats, right = run.batch * model.heads, Operand.ACTIVATION
    else:
        rows, inner, outer = (
            tokens * model.heads,
            model.mla.kv_lora + model.mla.rope,
            model.mla.kv_lora,
        )
        repeats, right = run.batch, Operand.KV_CACHE
    repeats *= model.layers
    scores = run.rows * model.heads
    yield run.gemm("qk", rows, inner, context, repeats, right, context)
    yield run.other("softmax", OperatorKind.SOFTMAX, scores, context, model.layers, context)
    yield run.gemm("av", rows, context, outer, repeats, right, context)


def _dense_ffn(run: Pass) -> Iterator[Operator]:
    weights, layers = _weights(run.model, "ffn"), run.model.dense_layers
    yield from _ffn(run, weights, run.rows, layers)
    yield run.residual("ffn_residual", run.rows, layers)


def _ffn(run: Pass, weights: dict[str, Linear], m: int, count: int) -> Iterator[Operator]:
    """Yield one FFN of `m` rows, `count` times per pass."""
    up, down = (
        next(w for name, w in weights.items() if name.endswith(end)) for end in ("up", "down")
    )
    prefix = up.group
    for name, weight in weights.items():
        if name != down.name:
            yield run.gemm(name, m, weight.k, weight.n, count)
    kind = OperatorKind(run.model.activation)
    yield run.other(f"{prefix}_activation", kind, m, up.n, count)
    if run.model.gated:
        yield run.other(f"{prefix}_multiply", OperatorKind.MULTIPLY, m, up.n, count)
    yield run.gemm(down.name, m, down.k, down.n, count)


def _experts(run: Pass, moe: MoeSpec) -> Iterator[Operator]:
    model, layers = run.model, run.model.moe_layers
    yield run.linear(_weights(model, "router")["router"])
    yield run.other("router_softmax", OperatorKind.SOFTMAX, run.rows, moe.experts, layers)
    yield run.other("router_topk", OperatorKind.TOPK, run.rows, moe.experts, layers)
    assignments = run.rows * moe.top_k
    reached = min(moe.experts, assignments)
    base, more = divmod(assignments, reached)
    for rows, experts in ((base + 1, more), (base, reached - more)):
        if experts:
            yield from _ffn(run, _weights(model, "expert"), rows, experts * layers)
    yield run.other("expert_scale", OperatorKind.MULTIPLY, assignments, model.hidden, layers)
    yield run.residual("expert_residual", assignments, layers)
    if moe.shared:
        yield from _ffn(run, _weights(model, "shared"), run.rows, layers)
        yield run.residual("shared_residual", run.rows, layers)


def _weights(model: ModelSpec, group: str) -> dict[str, Linear]:
    return {weight.name: weight for weight in linears(model) if weight.group == group}
