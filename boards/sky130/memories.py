"""On-chip memories of sky130 as black boxes, from a sourced table of SRAM macros.

A memory of more than `FLOP_LIMIT_BITS` is never built from flip-flops. Its macro is interpolated
between those that OpenRAM has made (``memories.toml``), by what the layout consists of: an array
that grows with the bits, peripherals along its sides, and control logic.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.contracts import ConfigError

__all__ = [
    "FLOP_LIMIT_BITS",
    "LARGEST_MACRO_BITS",
    "MemoryFit",
    "MemoryMacro",
    "memory_fit",
    "memory_macro",
]

FLOP_LIMIT_BITS = 1024
LARGEST_MACRO_BITS = 65536
"""Size of the largest macro in the table; a larger memory is several of them."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMacro:
    """A memory as black box: everything of all its banks together.

    Members
    -------
    read_pj, write_pj : float
        Energy of one access of one full word, on top of `clock_pj`.
    clock_pj : float
        Energy of one clock cycle in which nothing is accessed.
    access_ns : float
        From the clock edge to data.
    """

    words: int
    width: int
    copies: int
    banks: int
    area_um2: float
    read_pj: float
    write_pj: float
    clock_pj: float
    leakage_nw: float
    access_ns: float

    @property
    def name(self) -> str:
        """Type name of the black box in a netlist and in a library."""
        return f"kiln_sram_{self.words}x{self.width}_{self.copies}r1w"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFit:
    """Coefficients fitted to the table; `area`, `read` and so on evaluate them on arrays.

    `area_error` is the largest relative error of the fit at the table's points, the others are
    the table's stated uncertainties.
    """

    area_terms: tuple[float, float]
    read_term: float
    write_term: float
    clock_terms: tuple[float, float]
    leakage_terms: tuple[float, float]
    access_ns: float
    area_error: float
    energy_uncertainty: float
    source: str

    def area_um2(self, words: ArrayLike, width: ArrayLike) -> Values:
        """Return the area of one-read one-write memories, split into banks where necessary."""
        bits, banks = _bank(words, width)
        array, side = self.area_terms
        return banks * (array * bits + side * np.sqrt(bits))

    def read_pj(self, words: ArrayLike, width: ArrayLike) -> Values:
        """Return the energy of reading one word from one bank."""
        return self.read_term * _columns(words, width)

    def write_pj(self, words: ArrayLike, width: ArrayLike) -> Values:
        """Return the energy of writing one word to one bank."""
        return self.write_term * _columns(words, width)

    def clock_pj(self, words: ArrayLike, width: ArrayLike) -> Values:
        """Return the energy of a cycle without access: of one bank, the others' clocks gated."""
        control, per_bit = self.clock_terms
        energy: Values = control + per_bit * np.broadcast_arrays(_array(width), words)[0]
        return energy

    def leakage_nw(self, words: ArrayLike, width: ArrayLike) -> Values:
        """Return the leakage of every bank."""
        bits, banks = _bank(words, width)
        control, per_bit = self.leakage_terms
        return banks * (control + per_bit * bits)


@lru_cache(maxsize=1)
def memory_fit() -> MemoryFit:
    """Return the fit to ``memories.toml``: least squares of the relative error."""
    text = resources.files("boards.sky130").joinpath("memories.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    every: list[dict[str, Any]] = table["macros"]
    known = [macro for macro in every if "read_mw" in macro]
    bits = _column(every, "words") * _column(every, "width")
    area = _column(every, "area_um2")
    area_terms = _relative_fit(np.stack([bits, np.sqrt(bits)], axis=1), area)
    words, width = _column(known, "words"), _column(known, "width")
    period, idle = _column(known, "period_ns"), _column(known, "idle_mw")
    columns = _columns(words, width)[:, None]
    ones = np.ones_like(width)
    return MemoryFit(
        area_terms=_two(area_terms),
        read_term=float(_relative_fit(columns, (_column(known, "read_mw") - idle) * period)[0]),
        write_term=float(_relative_fit(columns, (_column(known, "write_mw") - idle) * period)[0]),
        clock_terms=_two(_relative_fit(np.stack([ones, width], axis=1), idle * period)),
        leakage_terms=_two(
            _relative_fit(
                np.stack([ones, words * width], axis=1), 1000 * _column(known, "leakage_uw")
            )
        ),
        access_ns=float(period.max()),
        area_error=float(
            np.abs(np.stack([bits, np.sqrt(bits)], axis=1) @ area_terms / area - 1).max()
        ),
        energy_uncertainty=table["energy_uncertainty"],
        source=table["source"],
    )


def memory_macro(words: int, width: int, read_ports: int = 1, write_ports: int = 1) -> MemoryMacro:
    """Return the black box of a memory; further read ports are copies of it.

    Raises
    ------
    ConfigError
        A size that makes no sense or belongs into flip-flops, or more than one write port.
    """
    if words < 1 or width < 1 or read_ports < 1:
        raise ConfigError(f"words={words}, width={width}, read_ports={read_ports}: use 1 or more")
    if words * width <= FLOP_LIMIT_BITS:
        raise ConfigError(
            f"words={words} of width={width} is a memory of {words * width} bits; up to "
            f"{FLOP_LIMIT_BITS} bits use flip-flops"
        )
    if write_ports > 1:
        raise ConfigError(
            f"write_ports={write_ports}: the sky130 macros have one; use write_ports=1 or banks"
        )
    fit = memory_fit()
    _, banks = _bank(words, width)
    return MemoryMacro(
        words=words,
        width=width,
        copies=read_ports,
        banks=int(banks) * read_ports,
        area_um2=float(fit.area_um2(words, width)) * read_ports,
        read_pj=float(fit.read_pj(words, width)),
        write_pj=float(fit.write_pj(words, width)) * read_ports,
        clock_pj=float(fit.clock_pj(words, width)) * read_ports,
        leakage_nw=float(fit.leakage_nw(words, width)) * read_ports,
        access_ns=fit.access_ns,
    )


def _bank(words: ArrayLike, width: ArrayLike) -> tuple[Values, Values]:
    """Return the bits of one bank and how many banks there are."""
    bits = _array(words) * _array(width)
    banks = np.ceil(bits / LARGEST_MACRO_BITS)
    return bits / banks, banks


def _columns(words: ArrayLike, width: ArrayLike) -> Values:
    """Return how many bit lines an access moves: those of a square array, at least one a bit."""
    columns: Values = np.maximum(np.sqrt(_bank(words, width)[0]), _array(width))
    return columns


def _column(rows: list[dict[str, Any]], name: str) -> Values:
    values: Values = np.array([row[name] for row in rows], dtype=np.float64)
    return values


def _relative_fit(terms: Values, values: Values) -> Values:
    scale = 1 / values
    found = np.linalg.lstsq(terms * scale[:, None], values * scale, rcond=None)[0]
    return _array(found)


def _array(values: ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)


def _two(values: Values) -> tuple[float, float]:
    return float(values[0]), float(values[1])
