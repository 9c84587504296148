"""Statistics of campaigns: what to inject, and what the outcomes say of all faults."""

from .allocation import neyman
from .estimate import Estimate, Tally, joined, tally
from .frame import Frame, Stratum
from .intervals import anytime, clopper_pearson, exact, wilson
from .plan import Classes, Exhaustive, Numbers, Plan, Sampled
from .sequential import Sequential
from .shuffle import Shuffle
from .size import leveugle, none_seen
from .stratified import Stratified
from .weighted import Collapsed, collapse

__all__ = [
    "Classes",
    "Collapsed",
    "Estimate",
    "Exhaustive",
    "Frame",
    "Numbers",
    "Plan",
    "Sampled",
    "Sequential",
    "Shuffle",
    "Stratified",
    "Stratum",
    "Tally",
    "anytime",
    "clopper_pearson",
    "collapse",
    "exact",
    "joined",
    "leveugle",
    "neyman",
    "none_seen",
    "tally",
    "wilson",
]
