"""Accelerators as TOML: one table per block instance and one for the host."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, did_you_mean
from hw.host import HostConfig

from .blocks import block_name, find_block
from .config import AcceleratorConfig, BlockInstance

__all__ = [
    "accelerator_text",
    "make_config",
    "parse_accelerator",
    "read_accelerator",
    "toml_value",
]


def accelerator_text(config: AcceleratorConfig) -> str:
    """Return `config` as TOML, the inverse of `parse_accelerator`."""
    parts = []
    for instance in config.blocks:
        lines = [f"[blocks.{instance.name}]", f'block = "{block_name(instance.config)}"']
        for field in fields(instance.config):  # type: ignore[arg-type]  # blocks are dataclasses
            lines.append(f"{field.name} = {toml_value(getattr(instance.config, field.name))}")
        parts.append("\n".join(lines))
    host = config.host.to_table()
    rates = host.pop("rates")
    parts.append("\n".join(["[host]", *(f"{k} = {toml_value(v)}" for k, v in host.items())]))
    parts.append("\n".join(["[host.rates]", *(f"{k} = {toml_value(v)}" for k, v in rates.items())]))
    return "\n\n".join(parts) + "\n"


def toml_value(value: Any) -> str:
    """Return a field of a configuration as TOML."""
    if isinstance(value, bool | int | float | str):
        return json.dumps(value)  # for these, TOML writes what JSON writes
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    raise ConfigError(f"{value!r} cannot be written to TOML; use numbers, texts and booleans")


def make_config(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Return the configuration that a TOML table of its fields describes."""
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return kind(**{**values, **lists})


def read_accelerator(path: Path) -> AcceleratorConfig:
    """Return the accelerator in a file.

    Raises
    ------
    ConfigError
        Unreadable file, broken TOML, unknown keys or blocks, or values that make no design; the
        message names the file.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give a TOML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; give a TOML file") from None
    return parse_accelerator(text, str(path))


def parse_accelerator(text: str, where: str = "accelerator") -> AcceleratorConfig:
    """Return the accelerator that TOML `text` describes; `where` names it in messages."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML ({error}); mend that line") from None
    try:
        return _from_table(table)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _from_table(table: Mapping[str, Any]) -> AcceleratorConfig:
    _refuse_unknown(table, ("blocks", "host"), "the file")
    for name in ("blocks", "host"):
        if not isinstance(table.get(name), dict):
            example = "[blocks.matrix0]" if name == "blocks" else "[host]"
            raise ConfigError(f"there is no table {name!r}; add {example}")
    blocks = tuple(_instance(name, values) for name, values in table["blocks"].items())
    return AcceleratorConfig(blocks=blocks, host=HostConfig.from_table(table["host"]))


def _instance(name: str, values: Any) -> BlockInstance:
    if not isinstance(values, dict) or not isinstance(values.get("block"), str):
        raise ConfigError(f'blocks.{name} does not say what it is; add block = "matrix"')
    kind = find_block(values["block"])
    knobs = {key: value for key, value in values.items() if key != "block"}
    _refuse_unknown(knobs, [field.name for field in fields(kind)], f"blocks.{name}")
    try:
        return BlockInstance(name=name, config=make_config(kind, knobs))
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"blocks.{name}: {error}") from None


def _refuse_unknown(table: Mapping[str, Any], known: Any, where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{where} has no key {key!r}{did_you_mean(key, known)}")
