"""Static timing of mapped netlists, hierarchical, before layout."""

from .analysis import TimingReport, analyse
from .records import Step, WireLoad

__all__ = ["Step", "TimingReport", "WireLoad", "analyse"]
