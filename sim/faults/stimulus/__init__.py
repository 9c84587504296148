"""Stimuli of campaigns: Python functions, dumps, random values, jobs of Kiln's own designs."""

from .kiln import kiln_job, kiln_observation
from .play import RANDOM, Played, play, play_kiln
from .resets import find_resets
from .settings import Settings, read_settings

__all__ = [
    "RANDOM",
    "Played",
    "Settings",
    "find_resets",
    "kiln_job",
    "kiln_observation",
    "play",
    "play_kiln",
    "read_settings",
]
