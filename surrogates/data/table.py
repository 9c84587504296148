"""Measured designs of one family as arrays: modules once, designs as how often each occurs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hw.contracts import ConfigError
from surrogates.graphs import SUMMARY, ModuleGraph, summaries

from .folder import DatasetFolder
from .record import DesignRecord, Measurement

__all__ = ["FIGURES", "Table", "read_table"]

Floats = NDArray[np.float64]

FIGURES: Mapping[str, tuple[str, ...]] = {
    "ecp5": ("lut", "ff", "dsp", "bram"),
    "ice40": ("lut", "ff", "dsp", "bram"),
    "xcup": ("lut", "ff", "dsp", "bram"),
    "sky130": ("cell_area_um2",),
}
"""Resources of a family, as `boards.metrics` names them."""
_OWN = {"cell_area_um2": "area_um2"}  # what a module's own is called in a synthesis report


@dataclass(frozen=True, eq=False)
class Table:
    """What is known of one family.

    Members
    -------
    family : str
    designs : list of DesignRecord
    modules : list of str
        Digests, each once.
    graphs : list of ModuleGraph
        Of each module.
    summaries : array of float, ``[modules, SUMMARY]``
    counts : sparse array, ``[designs, modules]``
        How often each module occurs in each design.
    own : dict of str to array, ``[modules]``
        Of each resource what one instance takes without its children; NaN where nobody measured.
    totals : dict of str to array, ``[designs]``
        Of each resource what a design takes.
    """

    family: str
    designs: list[DesignRecord]
    modules: list[str]
    graphs: list[ModuleGraph]
    summaries: Floats
    counts: csr_array
    own: Mapping[str, Floats]
    totals: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.designs)

    @property
    def generators(self) -> NDArray[np.str_]:
        """Name of each design's generator."""
        return np.array([design.generator for design in self.designs])

    def modules_of(self, designs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the modules that occur in some designs."""
        return np.unique(self.counts[designs].indices).astype(np.int64)


def read_table(folder: DatasetFolder, family: str) -> Table:
    """Return the designs of a folder whose area on a family was measured.

    Raises
    ------
    ConfigError
        There is none.
    """
    measured = {m.design: m for m in folder.measurements("area") if m.family == family}
    designs = [d for d in folder.designs() if d.digest in measured and measured[d.digest].figures]
    if not designs:
        raise ConfigError(
            f"{folder.path} has no design whose area on {family} was measured; "
            "make some with `dse dataset`"
        )
    found = [measured[design.digest] for design in designs]
    modules = list(dict.fromkeys(m.digest for d in designs for m in d.modules.values()))
    graphs = [folder.graph(digest) for digest in modules]
    names = FIGURES[family]
    return Table(
        family=family,
        designs=designs,
        modules=modules,
        graphs=graphs,
        summaries=np.array([summaries(graph) for graph in graphs]).reshape(-1, len(SUMMARY)),
        counts=_counts(designs, modules),
        own={name: _own(designs, found, modules, name) for name in names},
        totals={name: _totals(found, name) for name in names},
    )


def _counts(designs: list[DesignRecord], modules: list[str]) -> csr_array:
    at = {digest: number for number, digest in enumerate(modules)}
    entries = [
        (row, at[module.digest], module.count)
        for row, design in enumerate(designs)
        for module in design.modules.values()
    ]
    rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
    return csr_array(
        (values.astype(np.float64), (rows, columns)), shape=(len(designs), len(modules))
    )


def _own(
    designs: list[DesignRecord], found: list[Measurement], modules: list[str], name: str
) -> Floats:
    """Return each module's own; equal modules of several designs have equal figures."""
    known: dict[str, float] = {}
    for design, measured in zip(designs, found, strict=True):
        for label, row in measured.modules.items():
            if label in design.modules:
                known[design.modules[label].digest] = row.get(_OWN.get(name, name), 0.0)
    return np.array([known.get(digest, np.nan) for digest in modules])


def _totals(found: list[Measurement], name: str) -> Floats:
    return np.array([m.figures.get(f"engine_{name}_measured", 0.0) for m in found])
