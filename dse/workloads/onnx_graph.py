"""An ONNX graph with its tensor shapes: loading, binding of free dimensions, and look-ups."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, KilnError, did_you_mean

__all__ = ["Graph", "load_graph"]

Shape = tuple[int, ...]


def load_graph(path: Path, dims: Mapping[str, int]) -> Graph:
    """Return the graph of an ONNX file, its named free dimensions set to `dims`."""
    onnx = _onnx(path)
    decode_error = importlib.import_module("google.protobuf.message").DecodeError
    try:
        # Weights may lie in files of their own; shapes are all that is needed.
        model = onnx.load(str(path), load_external_data=False)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; check the path") from None
    except decode_error:
        raise ConfigError(f"{path}: is not an ONNX model; export it again") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the file") from None
    if not model.graph.node:
        raise ConfigError(f"{path}: has no operators; export the model again")
    if model.functions:
        model = importlib.import_module("onnx.inliner").inline_local_functions(model)
    _bind(path, model.graph, dims)
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError) as error:
        raise ConfigError(f"{path}: shapes do not fit together: {error}") from None
    return Graph(path, model.graph, onnx.helper.get_attribute_value)


def _onnx(path: Path) -> Any:
    """Return the optional package; by name, so that types are checked without it as well."""
    try:
        return importlib.import_module("onnx")
    except ImportError:
        raise KilnError(
            f"{path}: reading ONNX needs the package onnx; run: pip install 'kiln-dse[onnx]'"
        ) from None


def _bind(path: Path, graph: Any, dims: Mapping[str, int]) -> None:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    free = {
        dim.dim_param: value.name
        for value in inputs
        for dim in value.type.tensor_type.shape.dim
        if dim.dim_param
    }
    for name, size in dims.items():
        if name not in free:
            hint = did_you_mean(name, free) or "; the graph has no free dimensions"
            raise ConfigError(f"{path}: unknown dimension {name!r}{hint}")
        if not 1 <= size <= 1 << 24:
            raise ConfigError(f"{path}: dimension {name}={size} is outside 1 to {1 << 24}")
    for name, where in free.items():
        if name not in dims:
            raise ConfigError(
                f"{path}: input {where!r} has the free dimension {name!r}; "
                f"set it, for instance --dim {name}=128"
            )
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in dims:
                dim.dim_value = dims[dim.dim_param]
    for value in inputs:
        for position, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                raise ConfigError(
                    f"{path}: dimension {position} of input {value.name!r} has neither size nor "
                    "name; export the model with named or fixed dimensions"
                )


class Graph:
    """Nodes of a graph with the shapes of their tensors, and who makes and uses each tensor.

    Members
    -------
    nodes : list
        The nodes in topological order.
    """

    def __init__(self, path: Path, graph: Any, value: Callable[[Any], Any]) -> None:
        self.path = path
        self._value = value
        self.nodes: list[Any] = list(graph.node)
        self._shapes = _shapes(graph)
        self._producers = {name: node for node in self.nodes for name in node.output}
        self._consumers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)
        self._weights = {tensor.name for tensor in graph.initializer}
        for node in self.nodes:
            if all(name in self._weights for name in node.input if name):
                self._weights.update(node.output)  # constants, and weights transposed or unpacked

    def is_weight(self, name: str) -> bool:
        """Return whether a tensor depends on constants alone."""
        return name in self._weights

    def made_by(self, name: str, *kinds: str) -> bool:
        """Return whether a node of one of these kinds makes the tensor."""
        return name in self._producers and self._producers[name].op_type in kinds

    def producer(self, name: str) -> Any | None:
        """Return the node that makes a tensor; None for inputs and weights."""
        return self._producers.get(name)

    def consumers(self, name: str) -> list[Any]:
        """Return the nodes that use a tensor."""
        return self._consumers.get(name, [])

    def shape(self, node: Any, name: str) -> Shape:
        """Return the shape of a tensor of `node`; unknown shapes are refused."""
        shape = self._shapes.get(name)
        if shape is None:
            raise ConfigError(
                f"{self.path}: the shape of {name!r} at {node.op_type} {node.name!r} is unknown "
                "after shape inference; export the model with fixed dimensions"
            )
        if 0 in shape:
            raise ConfigError(
                f"{self.path}: {name!r} at {node.op_type} {node.name!r} is empty, shape {shape}; "
                "export the model with at least one token"
            )
        return shape

    def known_shape(self, name: str) -> Shape | None:
        """Return the shape of a tensor, or None."""
        return self._shapes.get(name)

    def attribute(self, node: Any, name: str, default: Any) -> Any:
        """Return an attribute of `node`."""
        for attribute in node.attribute:
            if attribute.name == name:
                return self._value(attribute)
        return default

    def rows(self, node: Any, name: str) -> tuple[int, int]:
        """Return a tensor as (rows, elements of its last dimension)."""
        shape = self.shape(node, name)
        return math.prod(shape[:-1]), shape[-1] if shape else 1


def _shapes(graph: Any) -> dict[str, Shape]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        tensor = value.type.tensor_type
        dims = tensor.shape.dim
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in dims):
            shapes[value.name] = tuple(dim.dim_value for dim in dims)
    return shapes
