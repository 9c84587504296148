"""One door for every kind of workload."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from hw.contracts import ConfigError

from .files import read_text
from .gemm_csv import read_gemms
from .huggingface import read_config
from .model import ModelSpec
from .onnx_reader import read_onnx
from .presets import builtin_model, builtin_models
from .scenario import Scenario
from .workload import OperatorList, Workload

__all__ = ["load_model", "load_workload"]


def load_workload(
    source: str | Path,
    scenario: Scenario | None = None,
    *,
    dims: Mapping[str, int] | None = None,
) -> Workload | OperatorList:
    """Return the workload that `source` names.

    Parameters
    ----------
    source : str or Path
        A built-in model, a Hugging Face ``config.json`` (or its folder), a ``.toml`` with the keys
        of `ModelSpec`, a ``.csv`` of GEMMs or an ``.onnx`` graph.
    scenario : Scenario or None
        For models; by default a prompt of 128 tokens and 64 generated. Files of operators have
        their own shapes and take none.
    dims : mapping of str to int
        Sizes of an ONNX graph's free dimensions.

    Raises
    ------
    ConfigError
        The source is unknown or broken, or the scenario does not suit it.
    """
    path = Path(source)
    kind = "" if str(source) in builtin_models() else path.suffix.lower()
    if kind != ".onnx" and dims:
        raise ConfigError(f"dims={dict(dims)} are for ONNX graphs; leave them out for {source}")
    if kind not in (".csv", ".onnx"):
        return Workload(model=load_model(source), scenario=scenario or Scenario.fixed())
    if scenario is not None:
        raise ConfigError(
            f"{source} brings its own shapes; leave out prompt, generate, batch and trace"
        )
    return read_gemms(path) if kind == ".csv" else read_onnx(path, dims)


def load_model(source: str | Path) -> ModelSpec:
    """Return a built-in model, or the one described by a ``config.json`` or ``.toml`` file."""
    path = Path(source)
    if str(source) in builtin_models():
        return builtin_model(str(source))
    if path.suffix.lower() == ".toml":
        return _from_toml(path)
    if path.suffix.lower() == ".json":
        return read_config(path)
    if path.is_dir():
        return read_config(path / "config.json")
    if path.is_file():
        raise ConfigError(
            f"{path}: unknown kind of workload; use a .json, .toml, .csv or .onnx file"
        )
    return builtin_model(str(source))


def _from_toml(path: Path) -> ModelSpec:
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}; correct the TOML") from None
    name = table.get("name", path.stem)
    try:
        return ModelSpec.from_table(str(name), table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
