"""Raw failure rates by cell type, from a file that says where they come from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hw.contracts import ConfigError, did_you_mean
from sim.faults.sites import FLOP, MEMORY, NET

__all__ = ["CELLS", "NATURES", "PERMANENT", "TRANSIENT", "Rate", "Rates", "Share", "load_rates"]

TRANSIENT: Final = "transient"
PERMANENT: Final = "permanent"
NATURES: Final = (TRANSIENT, PERMANENT)
CELLS: Final = ("memory", "flop", "hardened_flop", "gate")

SHARES: Final = ("mbu",)
"""Fault models that have a part of another's rate."""

_SHARE = "share"
_OF_KIND = {MEMORY: "memory", FLOP: "flop", NET: "gate"}
_UNITS = {"Mbit": 1e-6, "cell": 1.0}
_BASES = ("standard", "measured", "assumption")
_KEYS = ("fit", "per", "derating", "basis", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The failure rate of one type of cell.

    Members
    -------
    fit : float
        Failures in 1e9 hours, of `per`.
    per : str
        ``"Mbit"``, a million bits, or ``"cell"``.
    derating : float
        Share of the failures that can be seen at all.
    basis : str
        ``"standard"``, ``"measured"`` or ``"assumption"``.
    source : str
        Where the figure is from, in words.
    """

    fit: float
    per: str
    derating: float
    basis: str
    source: str

    @property
    def fit_per_cell(self) -> float:
        """Derated failures of one cell in 1e9 hours."""
        return self.fit * _UNITS[self.per] * self.derating


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What part of a rate some faults have; `basis` and `source` as of `Rate`."""

    of: float
    basis: str
    source: str


@dataclass(frozen=True, slots=True)
class Rates:
    """A table of rates, by nature and type of cell, shares by fault model, and its name."""

    name: str
    table: Mapping[str, Mapping[str, Rate]]
    shares: Mapping[str, Share]

    def share_of(self, model: str) -> float:
        """Return what part of the upsets a fault model has."""
        return self.shares[model].of

    def of(self, nature: str, kind: int, *, hardened: bool = False) -> Rate:
        """Return the rate of a kind of site."""
        return self.table[nature]["hardened_flop" if hardened and kind == FLOP else _OF_KIND[kind]]

    @property
    def assumptions(self) -> list[tuple[str, str, Rate]]:
        """Rates that no standard and no measurement vouches for."""
        return [row for row in self.rows if row[2].basis == "assumption"]

    @property
    def rows(self) -> list[tuple[str, str, Rate]]:
        """Nature, type of cell and rate."""
        return [(n, c, rate) for n, cells in self.table.items() for c, rate in cells.items()]


def load_rates(path: Path | None = None) -> Rates:
    """Read a table of rates; Kiln's own without a path.

    Raises
    ------
    ConfigError
        A file that is missing or no TOML, lacks a type of cell, or has an entry that is no rate.
    """
    path = path or Path(__file__).with_name("rates.toml")
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read rates from {path} ({error}); give a TOML file with the entries of "
            "sim/faults/metrics/rates.toml"
        ) from None
    for name in read:
        if name not in (*NATURES, _SHARE):
            known = did_you_mean(name, (*NATURES, _SHARE))
            raise ConfigError(f"{path}: [{name}] is not known{known}")
    table = {nature: _cells(path, nature, read.get(nature, {})) for nature in NATURES}
    shares = {name: _share(path, name, read.get(_SHARE, {}).get(name)) for name in SHARES}
    return Rates(path.name, MappingProxyType(table), MappingProxyType(shares))


def _share(path: Path, name: str, read: Any) -> Share:
    where = f"{path}: [{_SHARE}.{name}]"
    if not isinstance(read, Mapping) or set(read) != {"of", "basis", "source"}:
        raise ConfigError(f"{where} needs of, basis, source, and nothing else")
    of = read["of"]
    if isinstance(of, bool) or not isinstance(of, int | float) or not 0 <= of <= 1:
        raise ConfigError(f"{where}: of={of!r} is no share; use 0 to 1")
    if read["basis"] not in _BASES or not str(read["source"]).strip():
        raise ConfigError(
            f"{where}: basis is one of {', '.join(_BASES)}, and source says where from"
        )
    return Share(**read)


def _cells(path: Path, nature: str, read: Mapping[str, Any]) -> Mapping[str, Rate]:
    for name in read:
        if name not in CELLS:
            raise ConfigError(f"{path}: [{nature}.{name}] is not known{did_you_mean(name, CELLS)}")
    missing = [name for name in CELLS if name not in read]
    if missing:
        raise ConfigError(f"{path}: [{nature}.{missing[0]}] is missing; add it, with its source")
    return MappingProxyType(
        {name: _rate(f"{path}: [{nature}.{name}]", read[name]) for name in CELLS}
    )


def _rate(where: str, read: Any) -> Rate:
    if not isinstance(read, Mapping) or set(read) != set(_KEYS):
        raise ConfigError(f"{where} needs {', '.join(_KEYS)}, and nothing else")
    for name in ("fit", "derating"):
        if isinstance(read[name], bool) or not isinstance(read[name], int | float):
            raise ConfigError(f"{where}: {name}={read[name]!r} is no number")
    if read["fit"] < 0 or not 0 <= read["derating"] <= 1:
        raise ConfigError(
            f"{where}: fit={read['fit']}, derating={read['derating']}; use a rate of 0 or more "
            "and a share from 0 to 1"
        )
    if read["per"] not in _UNITS or read["basis"] not in _BASES:
        raise ConfigError(
            f"{where}: per={read['per']!r} is one of {', '.join(_UNITS)}, and "
            f"basis={read['basis']!r} one of {', '.join(_BASES)}"
        )
    if not str(read["source"]).strip():
        raise ConfigError(f"{where}: source is empty; say where the figure is from")
    return Rate(**read)
