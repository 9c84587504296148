"""One result record for every fidelity: each figure says what it is and where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from hw.contracts import ConfigError, did_you_mean

__all__ = ["Fidelity", "Figure", "Metrics"]


class Fidelity(StrEnum):
    """How a figure came about, from a tool's report down to a stated assumption."""

    MEASURED = "measured"
    MODELLED = "modelled"
    ESTIMATED = "estimated"
    PREDICTED = "predicted"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its provenance.

    Parameters
    ----------
    value : float
        The number, in `unit`. Integers stay integers.
    unit : str
        ``"LUT"``, ``"MHz"``, ``"cycle"``, ``"ms"``, ``"um2"``; empty for a ratio.
    fidelity : Fidelity
        How it came about. A figure that includes a reserve is ``reserved``.
    tool, version : str
        What produced it.
    seed : int or None
        Seed of a tool that has one.
    conditions : str
        What the figure depends on: device, speed grade, harness, options.
    inputs : str
        Digest of the inputs, such as the Verilog text.
    command : str
        Command line that makes the figure again; figures of a run carry the run's.
    """

    value: float
    unit: str
    fidelity: Fidelity
    tool: str = ""
    version: str = ""
    seed: int | None = None
    conditions: str = ""
    inputs: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise ConfigError(
                f"value={self.value!r} of a figure is not a number; pass int or float"
            )
        object.__setattr__(self, "fidelity", _fidelity(self.fidelity))


def _fidelity(text: str) -> Fidelity:
    try:
        return Fidelity(text)
    except ValueError:
        raise ConfigError(f"unknown fidelity {text!r}{did_you_mean(text, Fidelity)}") from None


def _check_name(name: str, figure: Figure) -> None:
    """Refuse a name that promises another fidelity than the figure has."""
    reserved = ("_reserved", "_incl_reserve")
    suffixes = reserved if figure.fidelity is Fidelity.RESERVED else (f"_{figure.fidelity}",)
    if not name.endswith(suffixes):
        raise ConfigError(
            f"figure {name!r} is {figure.fidelity}, which its name does not say; "
            f"call it '...{suffixes[-1]}'"
        )


class Metrics(Mapping[str, Figure]):
    """Immutable mapping of figure names to figures.

    A name ends in its fidelity (``engine_lut_measured``), or in ``_incl_reserve`` for a sum that
    a stated reserve is part of, so that a predicted figure cannot be printed as a measured one.
    """

    __slots__ = ("_figures",)

    def __init__(self, figures: Mapping[str, Figure] | None = None, /, **named: Figure) -> None:
        self._figures = {**(figures or {}), **named}
        for name, figure in self._figures.items():
            _check_name(name, figure)

    def __getitem__(self, name: str) -> Figure:
        try:
            return self._figures[name]
        except KeyError:
            raise KeyError(f"no figure {name!r}{did_you_mean(name, self._figures)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._figures

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        inside = ", ".join(f"{n}={f.value:g} {f.unit}".rstrip() for n, f in self.items())
        return f"Metrics({inside})"

    def __hash__(self) -> int:
        return hash(frozenset(self._figures.items()))

    def __or__(self, other: Mapping[str, Figure]) -> Metrics:
        return self.merge(other)

    def value(self, name: str, default: float | None = None) -> float:
        """Return the number called `name`, or `default` where there is no such figure."""
        if default is not None and name not in self:
            return default
        return self[name].value

    def merge(self, *others: Mapping[str, Figure]) -> Metrics:
        """Return the union; where a name occurs twice, the later record wins."""
        figures = dict(self._figures)
        for other in others:
            figures.update(other)
        return Metrics(figures)

    def values_by_name(self) -> dict[str, float]:
        """Return name to number, as a table row wants it."""
        return {name: figure.value for name, figure in self.items()}

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain data; fields that say nothing are left out."""
        return {name: _plain(figure) for name, figure in self.items()}

    def to_json(self, indent: int | None = None) -> str:
        """Return the record as JSON text, `from_json`'s inverse."""
        return json.dumps(self.to_dict(), indent=indent)

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, Any]]) -> Metrics:
        """Return the record that `to_dict` wrote; unknown or missing fields are refused."""
        if not isinstance(data, Mapping):
            raise ConfigError("a metrics record is not a table of figures; write it with to_json")
        return cls({name: _figure(name, row) for name, row in data.items()})

    @classmethod
    def from_json(cls, text: str) -> Metrics:
        """Return the record that `to_json` wrote."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"a metrics record is not JSON ({error}); measure again") from None
        return cls.from_dict(data)


def _plain(figure: Figure) -> dict[str, Any]:
    row = {name: value for name, value in asdict(figure).items() if value not in ("", None)}
    return {**row, "unit": figure.unit, "fidelity": figure.fidelity.value}


def _figure(name: str, row: Mapping[str, Any]) -> Figure:
    known = [field.name for field in fields(Figure)]
    if not isinstance(row, Mapping):
        raise ConfigError(f"figure {name!r} is not a table with a value and a unit; measure again")
    for key in row:
        if key not in known:
            raise ConfigError(f"figure {name!r}: unknown field {key!r}{did_you_mean(key, known)}")
    if missing := {"value", "unit", "fidelity"} - set(row):
        raise ConfigError(f"figure {name!r}: {', '.join(sorted(missing))} missing; measure again")
    return Figure(**row)
