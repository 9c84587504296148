"""Line and toggle coverage of a design, read from Verilator's ``coverage.dat``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .errors import CosimError

__all__ = ["Coverage", "ModuleCoverage", "Point", "read_coverage", "read_points"]

_RECORD = re.compile(r"^C '(.*)' (\d+)$")
_TEST_BENCH_FILE = "kiln_tb.v"


class Point(NamedTuple):
    """One thing that is counted, summed over all instances of its module.

    Members
    -------
    module : str
        Verilog module.
    kind : str
        ``"toggle"``, ``"line"``, ``"branch"`` or another of Verilator's kinds.
    what : str
        A toggle's ``signal[bit]:0->1``; what sort of block otherwise.
    lines : str
        Source lines of a block, such as ``12-14,17``.
    line, column : int
        Where it starts.
    """

    module: str
    kind: str
    what: str
    lines: str
    line: int
    column: int


@dataclass(slots=True)
class ModuleCoverage:
    """Points of one module, each counted once however often the module is instantiated."""

    lines: int = 0
    lines_hit: int = 0
    toggles: int = 0
    toggles_hit: int = 0
    missed_lines: list[int] = field(default_factory=list)
    missed_toggles: list[str] = field(default_factory=list)

    def add(self, point: Point, hit: bool) -> None:
        """Count `point`."""
        if point.kind == "toggle":
            self.toggles += 1
            self.toggles_hit += hit
            if not hit:
                self.missed_toggles.append(point.what)
        else:
            self.lines += 1
            self.lines_hit += hit
            if not hit:
                self.missed_lines.append(point.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Coverage of a design, the test bench left out.

    Members
    -------
    modules : dict of str to ModuleCoverage
        Per Verilog module.
    points : Counter of Point
        What was counted, from which the rest follows.
    """

    modules: dict[str, ModuleCoverage]
    points: Counter[Point] = field(default_factory=Counter, repr=False)

    def __or__(self, other: Coverage) -> Coverage:
        """Return the coverage of two simulations of one design together."""
        both = Counter(self.points)
        both.update(other.points)  # `+` would drop what neither has hit
        return read_coverage(both)

    @property
    def line_percent(self) -> float:
        """Blocks of lines and branches that were executed, in percent."""
        parts = self.modules.values()
        return _percent(sum(part.lines_hit for part in parts), sum(part.lines for part in parts))

    @property
    def toggle_percent(self) -> float:
        """Bits' edges (rising and falling apart) that were seen, in percent."""
        parts = self.modules.values()
        return _percent(
            sum(part.toggles_hit for part in parts), sum(part.toggles for part in parts)
        )


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


def _records(path: Path) -> Iterator[tuple[dict[str, str], int]]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if record := _RECORD.match(line):
                fields = (item.partition("\x02") for item in record[1].split("\x01") if item)
                yield {key: value for key, _, value in fields}, int(record[2])


def read_points(path: Path) -> Counter[Point]:
    """Return the count of every point of the design.

    Raises
    ------
    CosimError
        The simulation left no coverage.
    """
    if not path.exists():
        raise CosimError(f"the simulation left no {path.name}; run it with variant='coverage'")
    points: Counter[Point] = Counter()
    for fields, count in _records(path):
        if Path(fields["f"]).name == _TEST_BENCH_FILE:
            continue
        points[
            Point(
                module=fields["page"].partition("/")[2],
                kind=fields["t"],
                what=fields.get("o", ""),
                lines=fields.get("S", fields["l"]),
                line=int(fields["l"]),
                column=int(fields["n"]),
            )
        ] += count
    return points


def read_coverage(points: Counter[Point]) -> Coverage:
    """Return the coverage of a design from the counts of its points."""
    modules: defaultdict[str, ModuleCoverage] = defaultdict(ModuleCoverage)
    for point, count in points.items():
        modules[point.module].add(point, count > 0)
    return Coverage(modules=dict(modules), points=points)
