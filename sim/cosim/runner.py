"""Test modules on simulators that cocotb's runner built."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from hw.contracts import time_limit

__all__ = ["Ended", "run_module", "tail"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a simulation ended.

    Members
    -------
    failure : BaseException or None
        What the runner raised.
    stopped : bool
        Whether it ran out of time.
    log : str
        The end of what it said.
    """

    failure: BaseException | None
    stopped: bool
    log: str


def run_module(
    module: str, top: str, *, bench: Path, model: Path, folder: Path, limit_s: float
) -> Ended:
    """Run a test module on a compiled simulator, and say how that ended.

    Parameters
    ----------
    bench : Path
        Where the module is: the runner hands `sys.path` to the simulator.
    model : Path
        The simulator of `top`.
    folder : Path
        Where it runs and leaves its results and its log.
    """
    from cocotb_tools.runner import get_runner

    log = folder / "simulation.log"
    failure: BaseException | None = None
    sys.path.append(str(bench))
    try:
        with time_limit(folder, limit_s) as over:
            get_runner("verilator").test(
                test_module=module,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=model,
                test_dir=folder,
                results_xml=str(folder / "results.xml"),
                log_file=log,
            )
    except (RuntimeError, SystemExit) as error:  # the runner ends the process under pytest
        failure = error
    finally:
        sys.path.remove(str(bench))
    return Ended(failure, over.is_set(), tail(log))


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    text = log.read_text("utf-8", "replace") if log.exists() else "it left no log"
    return "\n".join(text.splitlines()[-12:])
