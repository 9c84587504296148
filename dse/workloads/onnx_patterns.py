"""Operators of an ONNX graph that are no matrix products, alone or as a pattern of small ones."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from hw.contracts import Operand, Operator, OperatorKind, Phase

from .onnx_graph import Graph

__all__ = ["PATTERNS", "Reader", "role"]

Reader = Callable[[Graph, Any], Iterator[Operator]]
"""Yields the records of a node, or nothing if it is none of them."""


def role(node: Any) -> str:
    """Return the last part of a node's path that names it, without layer numbers."""
    parts = [part for part in re.split(r"[/.]", node.name) if part]
    named = [part for part in parts if not re.fullmatch(rf"\d+|{node.op_type}(_\d+)?", part)]
    return re.sub(r"_\d+$", "", named[-1]) if named else str(node.op_type).lower()


def _record(node: Any, kind: OperatorKind, rows: tuple[int, int]) -> Operator:
    m, n = rows
    return Operator(
        name=role(node),
        kind=kind,
        phase=Phase.PREFILL,
        m=m,
        n=n,
        right=Operand.ACTIVATION,
    )


def _unary(kind: OperatorKind) -> Reader:
    def read(graph: Graph, node: Any) -> Iterator[Operator]:
        yield _record(node, kind, graph.rows(node, node.input[0]))

    return read


def _along_axis(kind: OperatorKind, default: int, all_after: bool) -> Reader:
    def read(graph: Graph, node: Any) -> Iterator[Operator]:
        shape = graph.shape(node, node.input[0])
        axis = graph.attribute(node, "axis", default) % len(shape)
        size = math.prod(shape[axis:]) if all_after else shape[axis]
        yield _record(node, kind, (math.prod(shape) // size, size))

    return read


def _tanh(graph: Graph, node: Any) -> Iterator[Operator]:
    """Read the tanh form of GELU, ``x/2 * (1 + tanh(...))``, by its tanh."""
    if any(user.op_type == "Add" for user in graph.consumers(node.output[0])):
        yield _record(node, OperatorKind.GELU, graph.rows(node, node.input[0]))


def _sigmoid(graph: Graph, node: Any) -> Iterator[Operator]:
    """Read SiLU, ``x * sigmoid(x)``, by its sigmoid."""
    if any(_is_silu(graph, user) for user in graph.consumers(node.output[0])):
        yield _record(node, OperatorKind.SILU, graph.rows(node, node.input[0]))


def _is_silu(graph: Graph, node: Any) -> bool:
    if node.op_type != "Mul":
        return False
    return any(
        sigmoid is not None and sigmoid.op_type == "Sigmoid" and sigmoid.input[0] == value
        for sigmoid, value in (
            (graph.producer(node.input[0]), node.input[1]),
            (graph.producer(node.input[1]), node.input[0]),
        )
    )


def _variance(graph: Graph, node: Any) -> Iterator[Operator]:
    """Read a decomposed norm by its mean of squares, which ends in a square root."""
    square = graph.producer(node.input[0])
    users = [
        late for user in graph.consumers(node.output[0]) for late in (user, *_next(graph, user))
    ]
    if square is None or square.op_type not in ("Pow", "Mul"):
        return
    if not any(user.op_type == "Sqrt" for user in users):
        return
    centred = graph.made_by(square.input[0], "Sub")
    kind = OperatorKind.LAYERNORM if centred else OperatorKind.RMSNORM
    rows = math.prod(graph.shape(node, node.output[0]))
    yield _record(node, kind, (rows, math.prod(graph.shape(node, node.input[0])) // rows))


def _next(graph: Graph, node: Any) -> list[Any]:
    return graph.consumers(node.output[0])


def _gather(graph: Graph, node: Any) -> Iterator[Operator]:
    table, indices = node.input
    if not graph.is_weight(table) or graph.is_weight(indices) or graph.attribute(node, "axis", 0):
        return
    shape = graph.shape(node, table)
    if len(shape) == 2:
        rows = math.prod(graph.shape(node, indices))
        yield _record(node, OperatorKind.EMBEDDING, (rows, shape[1]))


def _concat(graph: Graph, node: Any) -> Iterator[Operator]:
    """Read rotary embedding by its rotated half, ``concat(-x2, x1)``."""
    if len(node.input) == 2 and graph.made_by(node.input[0], "Neg"):
        yield _record(node, OperatorKind.ROPE, graph.rows(node, node.output[0]))


def _same_activations(graph: Graph, node: Any) -> bool:
    shapes = [graph.known_shape(name) for name in node.input]
    known = shapes[0] is not None and shapes[0] == shapes[1] and len(shapes[0]) > 1
    return known and not any(graph.is_weight(name) for name in node.input)


def _add(graph: Graph, node: Any) -> Iterator[Operator]:
    """Read residual additions; sums of products belong to an activation in pieces."""
    if _same_activations(graph, node) and not any(
        graph.made_by(name, "Mul", "Pow") for name in node.input
    ):
        yield _record(node, OperatorKind.RESIDUAL, graph.rows(node, node.output[0]))


def _mul(graph: Graph, node: Any) -> Iterator[Operator]:
    """Read gatings: the product of a projection with an activation."""
    projected = any(graph.made_by(name, "MatMul", "Gemm") for name in node.input)
    if _same_activations(graph, node) and projected and not _is_silu(graph, node):
        yield _record(node, OperatorKind.MULTIPLY, graph.rows(node, node.output[0]))


PATTERNS: dict[str, Reader] = {
    "LayerNormalization": _along_axis(OperatorKind.LAYERNORM, -1, all_after=True),
    "RMSNormalization": _along_axis(OperatorKind.RMSNORM, -1, all_after=True),
    "SimplifiedLayerNormalization": _along_axis(OperatorKind.RMSNORM, -1, all_after=True),
    "Softmax": _along_axis(OperatorKind.SOFTMAX, -1, all_after=False),
    "LogSoftmax": _along_axis(OperatorKind.SOFTMAX, -1, all_after=False),
    "TopK": _along_axis(OperatorKind.TOPK, -1, all_after=False),
    "Gelu": _unary(OperatorKind.GELU),
    "FastGelu": _unary(OperatorKind.GELU),
    "Erf": _unary(OperatorKind.GELU),
    "Swish": _unary(OperatorKind.SILU),
    "RotaryEmbedding": _unary(OperatorKind.ROPE),
    "Tanh": _tanh,
    "Sigmoid": _sigmoid,
    "ReduceMean": _variance,
    "Gather": _gather,
    "Concat": _concat,
    "Add": _add,
    "Mul": _mul,
}
