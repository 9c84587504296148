"""Verilog of library cells as Yosys reads them from Liberty: another reading than `cells`."""

from __future__ import annotations

from pathlib import Path

from boards.cache import Cache, Entry, cache_key
from boards.flows.scripts import LIBERTY_FILE
from boards.flows.synthesis import asic_files, run_yosys
from boards.tools import require_tool

__all__ = ["cell_models"]

_MODELS = "models.v"
_LIMIT_S = 600.0


def cell_models(*, cache: Cache | None = None, liberty: Path | None = None) -> str:
    """Return a module for every cell of the library, for a simulator.

    Raises
    ------
    ToolError
        Yosys is missing, failed or ran out of time.
    """
    cache = Cache() if cache is None else cache
    tool, files = require_tool("yosys"), {LIBERTY_FILE: asic_files(liberty)[LIBERTY_FILE]}
    script = [f"read_liberty {LIBERTY_FILE}", f"write_verilog -noattr {_MODELS}"]
    key = cache_key(tool=tool.identity, script=script, files=files)

    def make() -> Entry:
        log, outputs = run_yosys(tool, script, files, (_MODELS,), _LIMIT_S)
        return Entry(payload={}, log=log, files=outputs)

    return cache.remember("models", key, make).files[_MODELS].decode()
