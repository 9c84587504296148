"""One door for every kind of workload."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hw.contracts import ConfigError

from .files import read_text
from .gemm_csv import read_gemms
from .huggingface import read_config
from .model import ModelSpec
from .onnx_reader import read_onnx
from .presets import builtin_model, builtin_models
from .requests import read_scenario
from .scenario import Scenario
from .workload import OperatorList, Workload

__all__ = ["load_model", "load_workload", "make_scenario", "parse_dims"]


def load_workload(
    source: str | Path,
    scenario: Scenario | None = None,
    *,
    dims: Mapping[str, int] | None = None,
    drop_longer: bool = False,
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
    drop_longer : bool
        Leave out requests longer than the model's context instead of refusing them.

    Raises
    ------
    ConfigError
        The source is unknown or broken, or the scenario does not suit it.
    """
    path = Path(source)
    built_in = str(source) in builtin_models()
    kind = "" if built_in else path.suffix.lower()
    file = "" if built_in else str(path.absolute())
    if kind != ".onnx" and dims:
        raise ConfigError(f"dims={dict(dims)} are for ONNX graphs; leave them out for {source}")
    if kind not in (".csv", ".onnx"):
        model = load_model(source)
        scenario = scenario or Scenario.fixed()
        return Workload(
            model=model,
            scenario=scenario.within(model.context) if drop_longer else scenario,
            source=file,
        )
    if scenario is not None or drop_longer:
        raise ConfigError(
            f"{source} brings its own shapes; leave out prompt, generate, batch and trace"
        )
    found = read_gemms(path) if kind == ".csv" else read_onnx(path, dims)
    return replace(found, source=file, dims=dict(dims or {}))


def make_scenario(
    *,
    prompt: int | None = None,
    generate: int | None = None,
    batch: int | None = None,
    requests: str | Path | None = None,
    bucket: int | None = None,
) -> Scenario | None:
    """Return the scenario that command-line options ask for; None if none of them is given.

    Parameters
    ----------
    prompt, generate, batch : int or None
        Lengths, 128 and 64 if left out, and sequences that run together, 1 if left out.
    requests : path or None
        Request log to take the lengths from instead.
    bucket : int or None
        Tokens per class of its histogram.
    """
    if requests is not None:
        if prompt is not None or generate is not None:
            raise ConfigError(
                f"--trace {requests} brings its own lengths; leave out --prompt and --generate"
            )
        return read_scenario(
            Path(requests), 256 if bucket is None else bucket, batch=1 if batch is None else batch
        )
    if bucket is not None:
        raise ConfigError(f"bucket={bucket} is for a request log; give one with --trace FILE")
    if prompt is None and generate is None and batch is None:
        return None
    given = {"prompt": prompt, "generate": generate, "batch": batch}
    return Scenario.fixed(**{key: value for key, value in given.items() if value is not None})


def parse_dims(given: Iterable[str] | None) -> dict[str, int]:
    """Return ``NAME=SIZE`` options as a mapping."""
    dims: dict[str, int] = {}
    for text in given or ():
        name, _, size = text.partition("=")
        if not name or not size.isdecimal():
            raise ConfigError(f"--dim {text!r} is not NAME=SIZE; write --dim sequence=128")
        dims[name] = int(size)
    return dims


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
