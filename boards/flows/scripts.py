"""Yosys scripts: the commands of a flow as lines, a function of the target alone."""

from __future__ import annotations

import re

from boards.sky130.mapping import mapping_commands
from boards.target import Target

from .families import FPGA_FAMILIES, FpgaFamily

__all__ = [
    "ABC_FILE",
    "DESIGN_FILE",
    "FLAT_FILE",
    "LIBERTY_FILE",
    "MAPPED_FILE",
    "SCRIPT_FILE",
    "SOURCE_FILE",
    "flat_script",
    "flatten_script",
    "source_text",
    "synthesis_script",
]

DESIGN_FILE = "design.v"
MAPPED_FILE = "mapped.json"
FLAT_FILE = "flat.json"
LIBERTY_FILE = "cells.lib"
ABC_FILE = "abc.script"
SCRIPT_FILE = "script.ys"
SOURCE_FILE = "source.json"

# Every word of a memory set to zero, in a loop that Yosys unrolls: seconds for nothing, since
# configuration leaves zeros in the block RAMs of every family, and no ASIC memory has initial data.
_ZERO_FILL = re.compile(
    r"initial for \((\w+) = 0; \1 < \d+; \1 = \1 \+ 1\)\s*(?:\w+|\\\S+ )\[\1\] = \d+'[hd]0+;"
)


def source_text(verilog: str) -> str:
    """Return `verilog` without loops that fill memories with zeros."""
    return _ZERO_FILL.sub("", verilog)


def synthesis_script(target: Target, top: str) -> list[str]:
    """Return the commands that map the design file, hierarchy kept, and write the mapped netlist.

    ``abc9.D`` is the requested period for all modules: without it, each module is mapped for its
    own longest path, and equal logic gets unequal area.
    """
    if target.family == "sky130":
        steps = list(mapping_commands(top, LIBERTY_FILE, ABC_FILE))
    else:
        period_ps = round(1e6 / target.clock.request_mhz)
        steps = [f"scratchpad -set abc9.D {period_ps}"]
        steps += _fpga_steps(FPGA_FAMILIES[target.family], top)
    return [
        f"read_verilog -sv {DESIGN_FILE}",
        *steps,
        f"hierarchy -purge_lib -top {top}",  # the models of cells that are not used
        f"write_json {MAPPED_FILE}",
    ]


def _fpga_steps(family: FpgaFamily, top: str) -> list[str]:
    """Return the family's own pass, ABC confined to modules in which there is logic."""
    synth = f"{family.synth} -top {top}"
    if not family.luts:
        return [synth]
    before, abc, after = family.luts
    return [
        f"{synth} -run begin:map_luts",
        before,
        "select t:$_* %m",
        abc,
        "select -clear",
        after,
        f"{synth} -run {family.resume}:",
    ]


def flat_script(target: Target, top: str) -> list[str]:
    """Return the commands of `synthesis_script` for a design that is flattened first.

    What was read is written before anything is done to it: it has the names of the source only.
    """
    read, *steps = synthesis_script(target, top)
    return [
        read,
        f"hierarchy -check -top {top}",
        "proc",
        f"write_json {SOURCE_FILE}",
        "flatten -noscopeinfo",
        *steps,
    ]


def flatten_script(top: str, *sources: str, family: str = "ice40") -> list[str]:
    """Return the commands that turn the mapped netlist into the flat one that nextpnr reads.

    Parameters
    ----------
    top : str
        Top module.
    *sources : str
        Further Verilog files, already written in the family's cells.
    family : str
        ``ice40`` or ``ecp5``; whose cells these are.
    """
    cells = [f"read_verilog -lib -overwrite +/{family}/cells_sim.v", "blackbox =A:whitebox"]
    return [
        f"read_json {MAPPED_FILE}",
        *(cells if sources else ()),
        *(f"read_verilog {source}" for source in sources),
        f"hierarchy -purge_lib -top {top}",
        "flatten -noscopeinfo",
        "opt_clean",
        f"write_json {FLAT_FILE}",
    ]
