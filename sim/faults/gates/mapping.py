"""From a frozen netlist to sky130 cells: every flip-flop stays, by itself and as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from boards.cache import Cache, Entry, cache_key
from boards.flows.scripts import ABC_FILE, DESIGN_FILE, LIBERTY_FILE, MAPPED_FILE
from boards.flows.synthesis import asic_files, run_yosys
from boards.frozen import Frozen, write_verilog
from boards.sky130 import library
from boards.sky130.mapping import small_memories
from boards.tools import require_tool

from .matching import Gates, match_gates

__all__ = ["map_gates"]

_MODULE = "kiln_design"
_LIMIT_S = 3600.0


def map_gates(
    netlist: Frozen, *, keep: bool = True, cache: Cache | None = None, liberty: Path | None = None
) -> Gates:
    """Return the netlist mapped to library cells, its flip-flops found one by one.

    Memories that nothing writes, and those of more than `boards.sky130.memories.FLOP_LIMIT_BITS`
    bits, stay memories.

    Parameters
    ----------
    keep : bool
        Whether flip-flops are kept from being merged and removed. Without, synthesis does to them
        what it does to any design.
    cache : Cache, optional
        Where mapped netlists are kept.
    liberty : Path, optional
        Another Liberty file than the built-in table.

    Raises
    ------
    ConfigError
        A flip-flop of the netlist has none of its own in the mapped one.
    ToolError
        Yosys is missing, failed or ran out of time.
    """
    cache = Cache() if cache is None else cache
    tool = require_tool("yosys")
    text = write_verilog(replace(netlist, top=_MODULE), numbered=True, synthesis=True)
    script, extra = _script(keep), asic_files(liberty)
    key = cache_key(verilog=text, tool=tool.identity, script=script, files=extra)

    def make() -> Entry:
        files = {DESIGN_FILE: text, **extra}
        log, outputs = run_yosys(tool, script, files, (MAPPED_FILE,), _LIMIT_S)
        return Entry(payload={"top": netlist.top}, log=log, files=outputs)

    entry = cache.remember("gates", key, make)
    mapped = entry.files[MAPPED_FILE]
    return match_gates(netlist, mapped, library(liberty), top=_MODULE, numbered=True)


def _script(keep: bool) -> list[str]:
    """Return the commands; without `keep`, equal flip-flops are merged, useless ones go."""
    return [
        f"read_verilog -sv {DESIGN_FILE}",
        f"hierarchy -check -top {_MODULE}",
        "proc",
        "setattr -unset init w:*",  # the engine sets the state; cells have no initial value
        "memory_share -nosat -nowiden; memory_collect; opt_clean",
        f"memory_map {small_memories()} t:$mem_v2 r:WR_PORTS>0 %i %i",
        *(["setattr -set keep 1 t:$*dff*"] if keep else []),
        "opt_expr; opt_clean; opt_merge; opt_muxtree; opt_reduce -full; opt_merge; opt_expr",
        f"wreduce{' t:* t:$*dff* %d' if keep else ''}",  # it does not look at keep
        "peepopt; opt_clean; alumacc; opt_expr; opt_merge; opt_clean",
        "techmap; opt_expr; opt_merge; opt_clean",
        f"dfflibmap -liberty {LIBERTY_FILE}",
        f"abc -liberty {LIBERTY_FILE} -script {ABC_FILE}",
        "opt_clean",
        f"write_json {MAPPED_FILE}",
    ]
