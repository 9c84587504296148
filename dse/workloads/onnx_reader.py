"""ONNX graphs as workloads: every matrix product, and the other operators it recognises."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, Operand, Operator, OperatorKind, Phase

from .onnx_graph import Graph, load_graph
from .onnx_patterns import PATTERNS, Reader, role
from .workload import OperatorList

__all__ = ["read_onnx"]

# Matrix products in disguise: a trace without them would be silently too small.
_REFUSED = (
    *("Attention", "GroupQueryAttention", "MultiHeadAttention", "MatMulNBits", "Einsum"),
    *("ConvTranspose", "DeformConv", "GRU", "LSTM", "RNN", "If", "Loop", "Scan"),
)


def read_onnx(path: Path, dims: Mapping[str, int] | None = None) -> OperatorList:
    """Return the operators of one run of an ONNX graph, recorded as one prefill pass.

    Matrix products come with the exact shapes of shape inference; a product of two activations is
    repeated over its batch dimensions. Norms, softmax, activations, rotary embedding, residual
    additions and gatings are recorded where they are operators or common patterns; what remains
    is listed in the notes.

    Parameters
    ----------
    path : Path
        The ``.onnx`` file.
    dims : mapping of str to int
        Sizes of the graph's named free dimensions.
    """
    graph = load_graph(path, dims or {})
    operators: list[Operator] = []
    left: Counter[str] = Counter()
    for node in graph.nodes:
        if node.op_type in _REFUSED:
            raise ConfigError(
                f"{path}: operator {node.op_type} ({node.name!r}) is not supported; export the "
                "model with plain MatMul, or give its GEMMs as a CSV file"
            )
        reader = _READERS.get(node.op_type)
        found = tuple(reader(graph, node)) if reader and not _constant(graph, node) else ()
        operators += found
        left[node.op_type] += not found
    if not any(operator.kind is OperatorKind.GEMM for operator in operators):
        raise ConfigError(f"{path}: has no matrix products; give the graph of a language model")
    return OperatorList(name=path.stem, operators=tuple(operators), notes=_notes(+left))


def _notes(left: Mapping[str, int]) -> tuple[str, ...]:
    listed = ", ".join(f"{kind} x{count}" for kind, count in sorted(left.items()))
    return (f"not recorded: {listed}",) if listed else ()


def _constant(graph: Graph, node: Any) -> bool:
    return all(graph.is_weight(name) for name in node.output)


def _gemm(
    node: Any, m: int, k: int, n: int, count: int = 1, right: Operand = Operand.WEIGHT
) -> Operator:
    return Operator(
        name=role(node),
        kind=OperatorKind.GEMM,
        phase=Phase.PREFILL,
        m=m,
        k=k,
        n=n,
        count=count,
        right=right,
    )


def _matmul(graph: Graph, node: Any) -> Iterator[Operator]:
    second = 3 if node.op_type == "QLinearMatMul" else 1
    a, b = graph.shape(node, node.input[0]), graph.shape(node, node.input[second])
    a = a if len(a) > 1 else (1, *a)
    b = b if len(b) > 1 else (*b, 1)
    _check(graph, node, a[-1], b[-2])
    right = Operand.WEIGHT if graph.is_weight(node.input[second]) else Operand.ACTIVATION
    if math.prod(b[:-2]) == 1:  # one right-hand matrix for all: the batch becomes rows
        yield _gemm(node, math.prod(a[:-1]), a[-1], b[-1], 1, right)
        return
    batch = math.prod(
        max(pair) for pair in zip(_padded(a, len(b)), _padded(b, len(a)), strict=True)
    )
    yield _gemm(node, a[-2], a[-1], b[-1], batch, right)


def _check(graph: Graph, node: Any, left: int, right: int) -> None:
    # Shape inference passes over what does not fit where a shape was stated.
    if left != right:
        raise ConfigError(
            f"{graph.path}: {node.op_type} {node.name!r} multiplies {left} columns with {right} "
            "rows; export the model again"
        )


def _padded(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (1,) * (rank - len(shape)) + shape[:-2]


def _full_gemm(graph: Graph, node: Any) -> Iterator[Operator]:
    a, b = graph.shape(node, node.input[0]), graph.shape(node, node.input[1])
    if len(a) != 2 or len(b) != 2:
        raise ConfigError(f"{graph.path}: Gemm {node.name!r} of {a} and {b} is not 2-D; correct it")
    m, k = a[::-1] if graph.attribute(node, "transA", 0) else a
    n, inner = b if graph.attribute(node, "transB", 0) else b[::-1]
    _check(graph, node, k, inner)
    right = Operand.WEIGHT if graph.is_weight(node.input[1]) else Operand.ACTIVATION
    yield _gemm(node, m, k, n, 1, right)


def _conv(graph: Graph, node: Any) -> Iterator[Operator]:
    out, weight = graph.shape(node, node.output[0]), graph.shape(node, node.input[1])
    groups = graph.attribute(node, "group", 1)
    rows = out[0] * math.prod(out[2:])
    yield _gemm(node, rows, math.prod(weight[1:]), weight[0] // groups, groups)


_READERS: dict[str, Reader] = {
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "QLinearMatMul": _matmul,
    "Gemm": _full_gemm,
    "Conv": _conv,
    **PATTERNS,
}
