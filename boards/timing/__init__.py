"""Static timing of mapped netlists, hierarchical, before layout."""

from .analysis import TimingReport, analyse
from .records import Step

__all__ = ["Step", "TimingReport", "analyse"]
