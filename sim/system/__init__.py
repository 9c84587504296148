"""Cycles, bytes and time of a whole trace on a configuration with its target's memory and host."""

from .breakdown import OperatorTime, TraceTime, job_times, time_trace
from .fit import fitting_targets, memory_fill, require_fit
from .host import host_of
from .model import TraceModel
from .space import config_columns, space_columns, space_mesh

__all__ = [
    "OperatorTime",
    "TraceModel",
    "TraceTime",
    "config_columns",
    "fitting_targets",
    "host_of",
    "job_times",
    "memory_fill",
    "require_fit",
    "space_columns",
    "space_mesh",
    "time_trace",
]
