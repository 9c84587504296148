"""Measured perplexities of the small model, kept in a file that grows row by row.

Rows are keyed by what was measured and belong to one set of weights and one text: with others the
file starts anew. A row on a longer text answers for its beginning as well. A killed run has lost at
most the row that it was at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, write_atomic

from .arithmetic import Arithmetic
from .assignment import Assignment
from .corpus import SMALL, read_split
from .perplexity import BLOCK, Measured, QualityBench
from .quantise import Scaling

__all__ = ["TABLE", "Plan", "Table", "measure_missing"]

TABLE = SMALL / "perplexity.json"
REFERENCE = "float64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Something to measure.

    Parameters
    ----------
    assignment : str
        As of `Assignment.parse`; ``"float64"`` is the reference.
    tokens : int
        Tokens to predict.
    result : str
        What sums are rounded into.
    scaling : Scaling
        How operands are scaled.
    """

    assignment: str
    tokens: int
    result: str = "float32"
    scaling: Scaling = field(default_factory=Scaling)

    @property
    def key(self) -> str:
        """Name of the row."""
        rule = f"{self.scaling.kind} per {self.scaling.weights}"
        return f"{self.assignment} -> {self.result}, {rule}"

    def build(self) -> Assignment:
        """Return the assignment with these results and scales."""
        found = Assignment.parse(self.assignment)
        return Assignment(
            default=self._of(found.default),
            operators={name: self._of(value) for name, value in found.operators.items()},
        )

    def _of(self, value: Arithmetic | None) -> Arithmetic | None:
        if value is None:
            return None
        return Arithmetic(
            format=value.format, window=value.window, result=self.result, scaling=self.scaling
        )


class Table:
    """The rows of a file.

    Parameters
    ----------
    path : Path
        The file; by default the one that is kept with the small model.
    """

    def __init__(self, path: Path = TABLE) -> None:
        self.path = path
        self.inputs = _inputs()
        self._rows: dict[str, Any] = {}
        self.is_current = True
        if path.is_file():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                self.is_current = content["inputs"] == self.inputs
                self._rows = dict(content["rows"])
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{path} is damaged ({error}); delete it and run python -m bench.perplexity"
                ) from error

    def __contains__(self, plan: Plan) -> bool:
        return self._losses(plan) is not None

    def find(self, plan: Plan) -> Measured | None:
        """Return what was measured, beside float64 on the same tokens; None if it was not."""
        reference = Plan(assignment=REFERENCE, tokens=plan.tokens)
        losses, base = self._losses(plan), self._losses(reference)
        if losses is None or base is None:
            return None
        return Measured(losses=losses, reference=base, tokens=plan.tokens)

    def longest(self, assignment: str) -> Measured | None:
        """Return what was measured of an assignment as usual, on as much text as there is."""
        row = self._rows.get(Plan(assignment=assignment, tokens=1).key)
        return row and self.find(Plan(assignment=assignment, tokens=row["tokens"]))

    def _losses(self, plan: Plan) -> tuple[float, ...] | None:
        """Return the blocks of a row's first tokens, if they were measured as whole windows."""
        row = self._rows.get(plan.key) if self.is_current else None
        if row is None or row["tokens"] < plan.tokens or plan.tokens % row["window"]:
            return None
        return tuple(row["losses"][: -(-plan.tokens // BLOCK)])

    def add(self, plan: Plan, losses: Iterable[float], tokens: int, window: int) -> None:
        """Add a row and write the file.

        Parameters
        ----------
        plan : Plan
            What was measured.
        losses : iterable of float
            Sums of the blocks.
        tokens, window : int
            Tokens predicted, in all and in each window.
        """
        if not self.is_current:
            self._rows, self.is_current = {}, True
        kept = [round(loss, 6) for loss in losses]
        self._rows[plan.key] = {"tokens": tokens, "window": window, "losses": kept}
        rows = ",\n".join(
            f"{json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(self._rows.items())
        )
        head = json.dumps(self.inputs)
        write_atomic(self.path, f'{{"inputs": {head},\n"rows": {{\n{rows}\n}}}}\n')


def measure_missing(table: Table, plans: Iterable[Plan]) -> Iterator[tuple[Plan, Measured]]:
    """Measure what the table lacks, and yield it; the reference of each text is added unasked."""
    benches: dict[int, QualityBench] = {}
    for plan in plans:
        if plan in table:
            continue
        if plan.tokens not in benches:
            benches[plan.tokens] = QualityBench.small(limit=plan.tokens)
        bench = benches[plan.tokens]
        reference = Plan(assignment=REFERENCE, tokens=plan.tokens)
        if reference not in table:
            table.add(reference, bench.reference, bench.tokens, bench.window)
        found = bench.measure(plan.build())
        table.add(plan, found.losses, found.tokens, bench.window)
        yield plan, found


def _inputs() -> dict[str, str]:
    weights = SMALL / "model.safetensors"
    if not weights.is_file():
        raise ConfigError(f"{weights} is missing; train it: python -m sim.quality.train")
    return {
        "weights": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "text": hashlib.sha256(read_split("test").encode()).hexdigest(),
        "calibration": hashlib.sha256(read_split("validation").encode()).hexdigest(),
    }
