"""The built-in models, read from ``models.toml`` beside this file."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from hw.contracts import ConfigError, did_you_mean

from .model import ModelSpec

__all__ = ["builtin_model", "builtin_models"]


@cache
def builtin_models() -> dict[str, ModelSpec]:
    """Return all built-in models by name, in the order of the file."""
    text = resources.files(__package__).joinpath("models.toml").read_text(encoding="utf-8")
    return {name: ModelSpec.from_table(name, table) for name, table in tomllib.loads(text).items()}


def builtin_model(name: str) -> ModelSpec:
    """Return the built-in model called `name`."""
    models = builtin_models()
    if name not in models:
        raise ConfigError(
            f"unknown model {name!r}{did_you_mean(name, models)}; `dse workload list` shows all, "
            "or give a config.json, .csv or .onnx file"
        )
    return models[name]
