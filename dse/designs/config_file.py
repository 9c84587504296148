"""A configuration as ``config.toml``: block, top module, and one table of its fields."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from hw.accelerator import block_name, find_block, make_config, toml_value
from hw.contracts import ConfigError, did_you_mean

__all__ = ["config_text", "read_config", "read_top"]

_TOP = "kiln_{}"  # name of the top module where the file gives none


def config_text(config: Any, top: str | None = None) -> str:
    """Return `config` as TOML, `read_config`'s inverse; `top` names the Verilog's top module."""
    name = block_name(config)
    head = [f'block = "{name}"', f'top = "{top or _TOP.format(name)}"']
    lines = [
        f"{field.name} = {toml_value(getattr(config, field.name))}" for field in fields(config)
    ]
    return "\n".join([*head, "", f"[{name}]", *lines, ""])


def read_config(path: Path) -> Any:
    """Return the configuration that `path` describes.

    Raises
    ------
    ConfigError
        If the file is missing or no TOML, names an unknown block, has an unknown key, or its
        values make no design. The message names the file.
    """
    table = _load(path)
    table.pop("top", None)
    name = table.pop("block", None)
    if not isinstance(name, str):
        raise ConfigError(f'{path}: the line block = "..." is missing; add block = "matrix"')
    kind = find_block(name)
    values = table.pop(name, {})
    known = [field.name for field in fields(kind)]
    _refuse_unknown(path, table, [name])
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: {name} must be a table; write [{name}] above its keys")
    _refuse_unknown(path, values, known)
    try:
        return make_config(kind, values)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def read_top(path: Path) -> str:
    """Return the name of the top module of the design that `path` belongs to."""
    table = _load(path)
    return str(table.get("top") or _TOP.format(table.get("block", "matrix")))


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing; give a design folder, such as runs/gpt2/designs/00 "
            "or what `dse generate` wrote"
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give a design folder") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{path} is not TOML ({error}); mend that line") from None


def _refuse_unknown(path: Path, table: dict[str, Any], known: list[str]) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}{did_you_mean(key, known)}")
