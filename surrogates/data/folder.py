"""A folder of measured designs: one file a design, one a measurement, each written at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hw.contracts import write_atomic

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

    def add(self, design: DesignRecord) -> bool:
        """Keep a design; return whether it was new."""
        place = self.path / "designs" / f"{design.digest}.json"
        if place.exists():
            return False
        _write(place, design.to_json())
        return True

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
