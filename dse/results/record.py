"""What one trial of a search came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from boards.metrics import Metrics

__all__ = ["TrialResult", "TrialState"]


class TrialState(StrEnum):
    """How far a trial got."""

    MEASURED = "measured"
    REFUSED = "refused"
    FAILED = "failed"
    SCREENED = "screened"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A design with everything that is known of it.

    Parameters
    ----------
    number : int
        Design number within the run, from 0, in the order in which the search asked.
    knobs : mapping
        Point of the search space.
    config : object
        The design's configuration.
    metrics : Metrics
        All figures, each with its provenance.
    state : TrialState
        ``measured``: climbed as far as the target allows; ``refused``: misses a constraint;
        ``failed``: a tool failed, `reason` says which and how; ``screened``: the model refused
        it before anything was measured (such trials are told to the study and not kept).
    objectives : mapping of str to float
        Value of each objective column, in its unit.
    violations : mapping of str to float
        By how much each constraint is missed, as a log-ratio; empty where all are met.
    reason : str
        Why it was refused or failed, and what to do.
    design_dir : Path or None
        Folder with Verilog, testbench, reports and logs.
    """

    number: int
    knobs: Mapping[str, Any]
    config: Any
    metrics: Metrics = field(default_factory=Metrics)
    state: TrialState = TrialState.MEASURED
    objectives: Mapping[str, float] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    design_dir: Path | None = None

    @property
    def label(self) -> str:
        """Two-digit design label, as its folder is named."""
        return f"{self.number:02d}"
