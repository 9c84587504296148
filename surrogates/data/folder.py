"""A folder of measured designs: a file a design, a module's graph, a measurement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hw.contracts import write_atomic
from surrogates.graphs import ModuleGraph

from .record import DesignRecord, Measurement

__all__ = ["DatasetFolder"]


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """Designs by digest and measurements by key; several processes may add to it at once.

    Members
    -------
    path : Path
        Made when something is added.
    """

    path: Path

    def add(self, design: DesignRecord, graphs: Iterable[ModuleGraph]) -> bool:
        """Keep a design, and the graphs of modules that no other design had; return whether it
        was new.

        Parameters
        ----------
        graphs : iterable of ModuleGraph
            Of its modules, in the order of ``design.modules``.
        """
        place = self.path / "designs" / f"{design.digest}.json"
        if place.exists():
            return False
        for module, found in zip(design.modules.values(), graphs, strict=True):
            if not (where := self._graph(module.digest)).exists():
                where.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(where, found.to_bytes())
        _write(place, design.to_json())
        return True

    def graph(self, module: str) -> ModuleGraph:
        """Return the graph of a module, by its digest."""
        return ModuleGraph.from_bytes(self._graph(module).read_bytes())

    def _graph(self, module: str) -> Path:
        return self.path / "graphs" / module[:2] / f"{module}.npz"

    def has(self, design: str, key: str) -> bool:
        """Return whether a measurement is there."""
        return self._place(design, key).exists()

    def put(self, found: Measurement) -> None:
        """Keep a measurement."""
        _write(self._place(found.design, found.key), found.to_json())

    def designs(self) -> Iterator[DesignRecord]:
        """Return all designs, in the order of their digests."""
        for path in sorted(self.path.glob("designs/*.json")):
            yield DesignRecord.from_json(json.loads(path.read_text("utf-8")))

    def measurements(self, kind: str = "*") -> Iterator[Measurement]:
        """Return all measurements of a kind."""
        for path in sorted(self.path.glob(f"measured/*/{kind}-*.json")):
            yield Measurement.from_json(json.loads(path.read_text("utf-8")))

    def _place(self, design: str, key: str) -> Path:
        return self.path / "measured" / design / f"{key}.json"


def _write(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(data, separators=(",", ":"), sort_keys=True) + "\n")
