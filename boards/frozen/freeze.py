"""Freezing: Verilog through Yosys, which lowers processes and collects memories, and no more."""

from __future__ import annotations

import json

from ..flows.scripts import source_text
from ..flows.synthesis import run_yosys
from ..tools import require_tool
from .netlist import Frozen
from .reader import read_frozen

__all__ = ["freeze"]

_SOURCE, _FROZEN = "design.v", "frozen.json"
_LIMIT_S = 3600.0


def freeze(verilog: str, top: str) -> Frozen:
    """Return the frozen netlist of Verilog text.

    Raises
    ------
    ConfigError
        Something that is not supported, named with its place.
    """
    script = [
        f"read_verilog -sv {_SOURCE}",
        f"hierarchy -check -top {top}",
        "proc",
        "flatten -separator .",
        "memory_collect",
        "opt_clean",
        f"write_json {_FROZEN}",
    ]
    tool = require_tool("yosys")
    _, files = run_yosys(tool, script, {_SOURCE: source_text(verilog)}, (_FROZEN,), _LIMIT_S)
    return read_frozen(json.loads(files[_FROZEN]), top)
