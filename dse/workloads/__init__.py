"""Workloads: language models and lists of GEMMs as operator records with exact shapes."""

from .counts import (
    active_parameters,
    attention_macs_per_context_token,
    kv_bytes_per_token,
    kv_elements_per_token,
    linear_macs_per_token,
    parameters,
)
from .load import load_model, load_workload, make_scenario, parse_dims
from .model import MlaSpec, ModelSpec, MoeSpec
from .presets import builtin_model, builtin_models
from .requests import read_scenario
from .scenario import RequestClass, Scenario
from .trace import Footprint, Totals, Trace
from .workload import OperatorList, Workload

__all__ = [
    "Footprint",
    "MlaSpec",
    "ModelSpec",
    "MoeSpec",
    "OperatorList",
    "RequestClass",
    "Scenario",
    "Totals",
    "Trace",
    "Workload",
    "active_parameters",
    "attention_macs_per_context_token",
    "builtin_model",
    "builtin_models",
    "kv_bytes_per_token",
    "kv_elements_per_token",
    "linear_macs_per_token",
    "load_model",
    "load_workload",
    "make_scenario",
    "parameters",
    "parse_dims",
    "read_scenario",
]
