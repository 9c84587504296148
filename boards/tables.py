"""From a parsed TOML table to a frozen dataclass, refusing what does not belong there."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hw.contracts import ConfigError, did_you_mean

__all__ = ["from_table"]

RecordT = TypeVar("RecordT")

_SPELLED = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}


def from_table(cls: type[RecordT], table: Any, where: str) -> RecordT:
    """Return ``cls(**table)`` after checking keys and types.

    Parameters
    ----------
    cls : dataclass type
        Its fields are the known keys; nested dataclasses, ``tuple[...]`` and
        ``Mapping[str, float]`` are followed.
    table : mapping
        What the TOML reader returned.
    where : str
        Position for messages, such as ``ecpix5.toml: memories[0]``.

    Raises
    ------
    ConfigError
        Unknown, missing or ill-typed keys, with the remedy.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where}: {table!r} is not a table; write it as [section] with keys")
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{did_you_mean(key, known)}")
    for name, field in known.items():
        required = field.default is MISSING and field.default_factory is MISSING
        if required and name not in table:
            raise ConfigError(f"{where}: key {name!r} is missing; add `{name} = ...`")
    hints = get_type_hints(cls)
    values = {k: _convert(hints[k], v, f"{where}: {k}") for k, v in table.items()}
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _convert(next(a for a in get_args(hint) if a is not type(None)), value, where)
    if origin is tuple:
        return _convert_list(get_args(hint)[0], value, where)
    if origin is not None:  # Mapping[str, X]
        return _convert_mapping(get_args(hint)[1], value, where)
    if hasattr(hint, "__dataclass_fields__"):
        return from_table(hint, value, where)
    return _convert_scalar(hint, value, where)


def _convert_list(item: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where}={value!r} is not a list; write [..., ...]")
    return tuple(_convert(item, v, f"{where}[{i}]") for i, v in enumerate(value))


def _convert_mapping(item: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}={value!r} is not a table; write [section] with keys")
    return {key: _convert(item, v, f"{where}.{key}") for key, v in value.items()}


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    fits = isinstance(value, hint) or (hint is float and isinstance(value, int))
    if not fits or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where}={value!r} is not {_SPELLED[hint]}; write one")
    return value
