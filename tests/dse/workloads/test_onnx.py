"""ONNX graphs: exact products, recognised patterns, and clear refusals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dse.workloads import OperatorList, load_workload
from hw.contracts import ConfigError, KilnError, Operand, Operator, OperatorKind

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper = onnx.helper
FLOAT, INT = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


class Builder:
    """Writes small graphs; nodes are added in order, weights are all ones."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, name: str, *shape: int) -> str:
        size = 1
        for side in shape:
            size *= side
        self.weights.append(helper.make_tensor(name, FLOAT, shape, [1.0] * size))
        return name

    def shape(self, name: str, *sides: int) -> str:
        self.weights.append(helper.make_tensor(name, INT, [len(sides)], sides))
        return name

    def add(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        output = name.replace("/", "_")
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def save(
        self,
        folder: Path,
        output: str,
        inputs: dict[str, list[int | str | None]],
        kinds: dict[str, int] | None = None,
    ) -> Path:
        kinds = kinds or {}
        values = [
            helper.make_tensor_value_info(name, kinds.get(name, FLOAT), dims)
            for name, dims in inputs.items()
        ]
        result = helper.make_tensor_value_info(output, FLOAT, None)
        graph = helper.make_graph(self.nodes, "g", values, [result], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        path = folder / "graph.onnx"
        onnx.save(model, str(path))
        return path


def read(path: Path, **dims: int) -> dict[str, Operator]:
    workload = load_workload(path, dims=dims)
    assert isinstance(workload, OperatorList)
    return {op.name: op for op in workload.trace().operators}


def shape(op: Operator) -> tuple[int, int, int, int]:
    return op.m, op.k, op.n, op.count


def attention_layer(b: Builder, x: str, layer: int) -> str:
    """Add a pre-norm attention layer with 2 heads of 4 dimensions on (batch, tokens, 8)."""
    here = f"/h.{layer}"
    scale, shift = b.weight(f"s{layer}", 8), b.weight(f"t{layer}", 8)
    normed = b.add("LayerNormalization", [x, scale, shift], f"{here}/ln/LayerNormalization")
    heads = {}
    for part in "qkv":
        weight = b.weight(f"w{part}{layer}", 8, 8)
        flat = b.add("MatMul", [normed, weight], f"{here}/attn/{part}_proj/MatMul")
        split = b.add(
            "Reshape", [flat, b.shape(f"split{part}{layer}", 0, 0, 2, 4)], f"{here}/{part}/Reshape"
        )
        order = [0, 2, 3, 1] if part == "k" else [0, 2, 1, 3]
        heads[part] = b.add("Transpose", [split], f"{here}/{part}/Transpose", perm=order)
    scores = b.add("MatMul", [heads["q"], heads["k"]], f"{here}/attn/qk/MatMul")
    soft = b.add("Softmax", [scores], f"{here}/attn/Softmax", axis=-1)
    mixed = b.add("MatMul", [soft, heads["v"]], f"{here}/attn/av/MatMul_1")
    back = b.add("Transpose", [mixed], f"{here}/attn/Transpose", perm=[0, 2, 1, 3])
    flat = b.add("Reshape", [back, b.shape(f"join{layer}", 0, 0, 8)], f"{here}/attn/Reshape")
    out = b.add("MatMul", [flat, b.weight(f"wo{layer}", 8, 8)], f"{here}/attn/o_proj/MatMul")
    return b.add("Add", [x, out], f"{here}/residual/Add")


def test_two_attention_layers(tmp_path: Path) -> None:
    b = Builder()
    table = b.weight("table", 50, 8)
    x = b.add("Gather", [table, "tokens"], "/embed/Gather")
    for layer in range(2):
        x = attention_layer(b, x, layer)
    path = b.save(tmp_path, x, {"tokens": ["batch", "sequence"]}, {"tokens": INT})
    ops = read(path, batch=3, sequence=5)
    assert shape(ops["q_proj"]) == (15, 8, 8, 2)
    assert shape(ops["qk"]) == (5, 4, 5, 2 * 3 * 2)
    assert shape(ops["av"]) == (5, 5, 4, 2 * 3 * 2)
    assert ops["qk"].right is Operand.ACTIVATION
    assert (ops["ln"].kind, shape(ops["ln"])) == (OperatorKind.LAYERNORM, (15, 1, 8, 2))
    assert (ops["attn"].kind, shape(ops["attn"])) == (OperatorKind.SOFTMAX, (30 * 1, 1, 5, 2))
    assert (ops["residual"].kind, shape(ops["residual"])) == (OperatorKind.RESIDUAL, (15, 1, 8, 2))
    assert (ops["embed"].kind, shape(ops["embed"])) == (OperatorKind.EMBEDDING, (15, 1, 8, 1))


def test_weights_are_counted_once_per_layer(tmp_path: Path) -> None:
    b = Builder()
    x = attention_layer(b, attention_layer(b, "x", 0), 1)
    trace = load_workload(b.save(tmp_path, x, {"x": [1, 5, 8]})).trace()
    assert trace.weights == 2 * 4 * 64


@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_gemm_transposes(tmp_path: Path, trans_a: int, trans_b: int) -> None:
    b = Builder()
    b.weight("w", *((7, 3) if trans_b else (3, 7)))
    out = b.add("Gemm", ["x", "w"], "fc", transA=trans_a, transB=trans_b)
    path = b.save(tmp_path, out, {"x": [3, 5] if trans_a else [5, 3]})
    assert shape(read(path)["fc"]) == (5, 3, 7, 1)


def test_transposed_weights_are_weights(tmp_path: Path) -> None:
    b = Builder()
    turned = b.add("Transpose", [b.weight("w", 7, 3)], "turn", perm=[1, 0])
    out = b.add("MatMul", ["x", turned], "fc")
    assert read(b.save(tmp_path, out, {"x": [5, 3]}))["fc"].right is Operand.WEIGHT


def test_convolution_is_a_product_per_group(tmp_path: Path) -> None:
    b = Builder()
    out = b.add("Conv", ["x", b.weight("w", 8, 2, 3)], "conv", group=2, pads=[1, 1])
    assert shape(read(b.save(tmp_path, out, {"x": [1, 4, 10]}))["conv"]) == (10, 6, 4, 2)


def test_gated_ffn_in_pieces(tmp_path: Path) -> None:
    b = Builder()
    gate = b.add("MatMul", ["x", b.weight("wg", 8, 16)], "/mlp/gate/MatMul")
    up = b.add("MatMul", ["x", b.weight("wu", 8, 16)], "/mlp/up/MatMul")
    sigmoid = b.add("Sigmoid", [gate], "/mlp/act/Sigmoid")
    silu = b.add("Mul", [gate, sigmoid], "/mlp/act/Mul")
    out = b.add("Mul", [silu, up], "/mlp/Mul")
    ops = read(b.save(tmp_path, out, {"x": [4, 8]}))
    assert (ops["act"].kind, shape(ops["act"])) == (OperatorKind.SILU, (4, 1, 16, 1))
    assert (ops["mlp"].kind, shape(ops["mlp"])) == (OperatorKind.MULTIPLY, (4, 1, 16, 1))


def decomposed_norm(tmp_path: Path, centred: bool) -> Operator:
    b = Builder()
    x = b.add("MatMul", ["x", b.weight("w", 8, 8)], "fc")
    if centred:
        x = b.add("Sub", [x, b.add("ReduceMean", [x], "/n/mean", axes=[-1])], "/n/Sub")
    square = b.add("Pow", [x, b.weight("two", 1)], "/n/Pow")
    mean = b.add("ReduceMean", [square], "/n/ReduceMean", axes=[-1])
    root = b.add("Sqrt", [b.add("Add", [mean, b.weight("eps", 1)], "/n/Add")], "/n/Sqrt")
    out = b.add("Div", [x, root], "/n/Div")
    return read(b.save(tmp_path, out, {"x": [4, 8]}))["n"]


@pytest.mark.parametrize(
    ("centred", "kind"), [(True, OperatorKind.LAYERNORM), (False, OperatorKind.RMSNORM)]
)
def test_norms_in_pieces(tmp_path: Path, centred: bool, kind: OperatorKind) -> None:
    found = decomposed_norm(tmp_path, centred)
    assert (found.kind, shape(found)) == (kind, (4, 1, 8, 1))


def test_gelu_by_its_tanh(tmp_path: Path) -> None:
    b = Builder()
    x = b.add("MatMul", ["x", b.weight("w", 8, 16)], "fc")
    tanh = b.add("Tanh", [x], "/act/Tanh")
    one = b.add("Add", [tanh, b.weight("one", 1)], "/act/Add")
    half = b.add("Mul", [x, b.weight("half", 1)], "/act/Mul_1")
    out = b.add("Mul", [half, one], "/act/Mul_2")
    ops = read(b.save(tmp_path, out, {"x": [4, 8]}))
    assert set(ops) == {"fc", "act"}
    assert (ops["act"].kind, shape(ops["act"])) == (OperatorKind.GELU, (4, 1, 16, 1))


def test_rotary_embedding_by_its_rotated_half(tmp_path: Path) -> None:
    b = Builder()
    x = b.add("MatMul", ["x", b.weight("w", 8, 8)], "fc")
    low, high = (
        b.add(
            "Slice",
            [x, b.shape(f"a{i}", 4 * i), b.shape(f"b{i}", 4 * i + 4), b.shape(f"c{i}", 1)],
            f"/half{i}/Slice",
        )
        for i in range(2)
    )
    negative = b.add("Neg", [high], "/rot/Neg")
    out = b.add("Concat", [negative, low], "/rot/Concat", axis=-1)
    ops = read(b.save(tmp_path, out, {"x": [4, 8]}))
    assert (ops["rot"].kind, shape(ops["rot"])) == (OperatorKind.ROPE, (4, 1, 8, 1))


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    b = Builder()
    out = b.add("Relu", [b.add("MatMul", ["x", b.weight("w", 8, 8)], "fc")], "relu")
    workload = load_workload(b.save(tmp_path, out, {"x": [4, 8]}))
    assert isinstance(workload, OperatorList)
    assert workload.notes == ("not recorded: Relu x1",)


def product(tmp_path: Path, *dims: int | str | None) -> Path:
    b = Builder()
    return b.save(tmp_path, b.add("MatMul", ["x", b.weight("w", 8, 8)], "fc"), {"x": list(dims)})


@pytest.mark.parametrize(
    ("dims", "given", "message"),
    [
        (("tokens", 8), {}, "input 'x' has the free dimension 'tokens'; .* --dim tokens=128"),
        (("tokens", 8), {"token": 4}, "unknown dimension 'token'; did you mean 'tokens'"),
        ((4, 8), {"tokens": 4}, "unknown dimension 'tokens'; the graph has no free dimensions"),
        (("tokens", 8), {"tokens": 0}, "dimension tokens=0 is outside 1 to"),
        ((None, 8), {}, "dimension 0 of input 'x' has neither size nor name"),
        ((4, 9), {}, "shape|multiplies 9 columns with 8 rows"),
        ((0, 8), {}, "is empty, shape"),
    ],
)
def test_shapes_that_cannot_be_known_are_refused(
    tmp_path: Path, dims: tuple[Any, ...], given: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read(product(tmp_path, *dims), **given)


def test_products_in_disguise_are_refused(tmp_path: Path) -> None:
    b = Builder()
    out = b.add("Einsum", ["x", b.weight("w", 8, 8)], "/attn/Einsum", equation="ab,bc->ac")
    with pytest.raises(ConfigError, match=r"operator Einsum \('/attn/Einsum'\) is not supported"):
        read(b.save(tmp_path, out, {"x": [4, 8]}))


def test_a_graph_without_products_is_refused(tmp_path: Path) -> None:
    b = Builder()
    with pytest.raises(ConfigError, match="has no matrix products"):
        read(b.save(tmp_path, b.add("Relu", ["x"], "relu"), {"x": [4, 8]}))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "has no operators; export"), (b"this is no protobuf at all", "is not an ONNX model")],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_workload(path)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such file; check the path"):
        load_workload("nowhere.onnx")


def test_without_the_extra_its_command_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("dse.workloads.onnx_graph.importlib.import_module", absent)
    with pytest.raises(KilnError, match=r"pip install 'kiln-dse\[onnx\]'"):
        load_workload(tmp_path / "graph.onnx")
