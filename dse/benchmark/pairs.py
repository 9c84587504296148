"""Figures said in one way and found in another, kept as data for ``docs/calibration.md``.

A bench that measures the error of a method writes its pairs with `write_pairs`; the page reads
every file there is and prints the errors with who said and found them, and the bench's command.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import boards.timing
from boards.metrics import Fidelity
from hw.contracts import ConfigError, write_atomic

__all__ = ["FOLDER", "Pair", "PairTable", "read_pairs", "timing_pairs", "write_pairs"]

FOLDER = Path(__file__).parent
TIMING = Path(boards.timing.__file__).with_name("method.json")
_ENDING = ".pairs.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One figure of one design, said and found, in the same unit.

    Parameters
    ----------
    figure : str
        ``"lut"``, ``"clock_mhz"``, ``"cell_area_um2"`` ...
    target : str
        Board or process.
    design : str
        The design in one line.
    said, found : float
        The figure by the method in question, and by the one that it is compared with.
    """

    figure: str
    target: str
    design: str
    said: float
    found: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTable:
    """What one bench found of one method.

    Parameters
    ----------
    title : str
        The method and what it is compared with.
    said, found : str
        ``"<fidelity> by <tool>, <version>"`` of either side.
    command : str
        Command that measures the pairs again and rewrites the file.
    pairs : sequence of Pair
        One for each figure and design.
    note : str
        What a reader has to know beside it.
    """

    title: str
    said: str
    found: str
    command: str
    pairs: Sequence[Pair]
    note: str = ""

    def __post_init__(self) -> None:
        for side in (self.said, self.found):
            if side.partition(" by ")[0] not in set(Fidelity) or not side.partition(" by ")[2]:
                raise ConfigError(
                    f"{side!r} does not say how and by which tool; write 'measured by <tool>'"
                )


def write_pairs(name: str, table: PairTable, folder: Path = FOLDER) -> Path:
    """Write ``<folder>/<name>.pairs.json``, which replaces an older one; return its path."""
    path = folder / f"{name}{_ENDING}"
    write_atomic(path, json.dumps(asdict(table), indent=1) + "\n")
    return path


def read_pairs(folder: Path = FOLDER) -> list[PairTable]:
    """Return all tables by file name.

    Raises
    ------
    ConfigError
        A file holds something else.
    """
    return [_read(path) for path in sorted(folder.glob(f"*{_ENDING}"))]


def timing_pairs(path: Path = TIMING) -> PairTable:
    """Return the clocks that ``bench.timing_method`` compared, from the record that it writes."""
    data = json.loads(path.read_text("utf-8"))
    pairs = [
        Pair(
            figure="clock_mhz",
            target=data["target"],
            design=row["design"],
            said=row["estimated_mhz"],
            found=row["routed_mhz"],
        )
        for row in data["rows"]
    ]
    return PairTable(
        title="Clock: the estimate that stands in for a router on UltraScale+, tried on ECP5",
        said="estimated by Kiln's static timing of the mapped netlist",
        found=f"measured by {data['router']} after routing",
        command=data["command"],
        pairs=pairs,
        note="UltraScale+ has no open router; this is how far the method is off where one exists.",
    )


def _read(path: Path) -> PairTable:
    names = {field.name for field in fields(PairTable)}
    try:
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        pairs = [Pair(**pair) for pair in data["pairs"]]
        known = {name: value for name, value in data.items() if name in names}
        return PairTable(**{**known, "pairs": pairs})
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} holds no pairs of figures ({error}); delete it and measure again"
        ) from None
