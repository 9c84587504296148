"""Column names read back into words: what a figure is, its unit and how it came about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from boards.metrics import Fidelity

__all__ = [
    "QUALITY_NAMES",
    "Column",
    "find_column",
    "is_figure",
    "parse_column",
    "predicted_pairs",
    "reader_unit",
]

_SUFFIXES = (*(f"_{fidelity}" for fidelity in Fidelity), "_incl_reserve")
_NOT_PREDICTED = (Fidelity.MEASURED, Fidelity.MODELLED, Fidelity.ESTIMATED)

# Unit tokens at the end of a stem, as they are written for readers.
_UNITS = {
    "ms": "ms",
    "us": "µs",
    "s": "s",
    "mhz": "MHz",
    "mw": "mW",
    "w": "W",
    "j": "J",
    "pj": "pJ",
    "um2": "µm²",
    "lut": "LUT",
    "ff": "FF",
    "dsp": "DSP",
    "bram": "BRAM",
    "cycles": "cycles",
    "bytes": "bytes",
    "fit": "FIT",
}
_COUNTED = ("LUT", "FF", "DSP", "BRAM", "cycles", "bytes")
_OF_ENGINE = ("power_mw", "energy_j", "tokens_per_joule")  # memory and host are not in them
_RATES = ("tokens_per_s", "tokens_per_joule", "tokens_per_s_per_area", "macs_per_s")
QUALITY_NAMES = {
    "stand_in_perplexity_ratio": "stand-in's perplexity over float64's",
    "perplexity_ratio": "perplexity over float64's",
}
"""Quality in words: a ratio, and of which model."""
_ABBREVIATIONS = {"ttft": "TTFT", "tpot": "TPOT", "lut": "LUT", "ff": "FF", "dsp": "DSP"}
_ABBREVIATIONS |= {"spfm": "SPFM", "pmhf": "PMHF"}


@dataclass(frozen=True, slots=True)
class Column:
    """A figure's column name, taken apart.

    Parameters
    ----------
    name : str
        The whole name, such as ``trace_latency_ms_modelled``.
    stem : str
        The name without its fidelity.
    label : str
        Words for a reader, such as ``trace latency``.
    unit : str
        Unit as written for a reader; empty for counts without one.
    fidelity : str
        How it came about; empty where the name does not say.
    """

    name: str
    stem: str
    label: str
    unit: str
    fidelity: str

    @property
    def title(self) -> str:
        """Label and unit, for an axis or a table head."""
        if self.unit in _COUNTED and self.stem.endswith(f"_{self.unit.lower()}"):
            return f"{self.label} {self.unit}"
        return f"{self.label} ({self.unit})" if self.unit else self.label


def is_figure(name: str) -> bool:
    """Whether `name` ends in a fidelity, as every figure's name does."""
    return name.endswith(_SUFFIXES)


def parse_column(name: str) -> Column:
    """Take a column name apart; any text is accepted."""
    suffix = next((s for s in _SUFFIXES if name.endswith(s)), "")
    stem = name.removesuffix(suffix)
    fidelity = Fidelity.RESERVED.value if suffix == "_incl_reserve" else suffix.lstrip("_")
    label, unit = _words(stem)
    if stem in _OF_ENGINE:
        label = f"engine {label}"
    if suffix == "_incl_reserve":
        label = f"{label} with reserve"
    return Column(name=name, stem=stem, label=label, unit=unit, fidelity=fidelity)


def reader_unit(unit: str) -> str:
    """Return a figure's unit as it is written for readers: ``um2`` as ``µm²``."""
    return _UNITS.get(unit.lower(), unit)


def _words(stem: str) -> tuple[str, str]:
    if stem.endswith(_RATES):
        return stem.replace("tokens_per_", "tokens/").replace("_per_", "/").replace("_", " "), ""
    if stem in QUALITY_NAMES:
        return QUALITY_NAMES[stem], ""
    *head, last = stem.split("_")
    unit = _UNITS.get(last, "")
    words = head if unit else [*head, last]
    words = words[1:] if words[:1] == ["trace"] and len(words) > 1 else words
    return " ".join(_ABBREVIATIONS.get(word, word) for word in words), unit


def find_column(columns: Iterable[str], wanted: str) -> str | None:
    """Return the column that holds `wanted`, whatever fidelity and prefix its name carries.

    A measured figure is preferred to a modelled one, that to an estimated one, and so on.
    """
    names = list(columns)
    if wanted in names:
        return wanted
    order = [s.removeprefix("_") for s in _SUFFIXES]
    found = [c for c in map(parse_column, names) if c.fidelity and _same(c.stem, wanted)]
    found.sort(key=lambda c: (order.index(c.fidelity), len(c.stem)))
    return found[0].name if found else None


def _same(stem: str, wanted: str) -> bool:
    if wanted == "area":  # what a target's family counts it in
        return stem in ("area", "engine_lut", "engine_area_um2")
    return stem == wanted or stem.endswith(f"_{wanted}")


def predicted_pairs(columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return (predicted, found out later) column pairs, in order of the table."""
    names = list(columns)
    later = {c.stem: c.name for c in map(parse_column, names) if c.fidelity in _NOT_PREDICTED}
    pairs = []
    for column in map(parse_column, names):
        partner = later.get(column.stem) or later.get(f"engine_{column.stem}")
        if column.fidelity == Fidelity.PREDICTED and partner:
            pairs.append((column.name, partner))
    return pairs
