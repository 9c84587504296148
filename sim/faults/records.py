"""What programs of engines read, beside ``records.h``; and how they are run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boards.pool import run_tool
from hw.contracts import ConfigError

from .experiment import Experiment

__all__ = ["RECORDS", "check_cycles", "run_program", "watched_rows"]

RECORDS = Path(__file__).with_name("records.h")
_DATA, _CONTROL, _DETECTOR, _CORRECTOR = range(4)
_LIMIT_S = 24 * 3600.0


def check_cycles(experiment: Experiment, faults: NDArray[np.void]) -> None:
    """Raise `ConfigError` if a fault comes after the last cycle."""
    late = int(faults["cycle"].max(initial=0))
    if late >= experiment.cycles:
        raise ConfigError(
            f"cycle={late} of a fault is not in the experiment; "
            f"its cycles are 0 to {experiment.cycles - 1}"
        )


def watched_rows(experiment: Experiment) -> NDArray[np.int32]:
    """Return what is observed: role, port, valid, ready (ports, -1 is none), field, signed."""
    number = {port.name: at for at, port in enumerate(experiment.netlist.ports)} | {"": -1}
    observation = experiment.observation
    rows = [
        (_DATA, number[w.port], number[w.valid], number[w.ready], w.field_bits, int(w.signed))
        for w in observation.data
    ]

    def plain(role: int, names: Iterable[str]) -> list[tuple[int, int, int, int, int, int]]:
        return [(role, number[name], -1, -1, 0, 0) for name in names]

    rows += plain(_CONTROL, observation.control) + plain(_DETECTOR, observation.detectors)
    rows += plain(_CORRECTOR, observation.correctors)
    return np.array(rows, dtype=np.int32).reshape(-1, 6)


def run_program(engine: str, program: Path, folder: Path, *arguments: str) -> str:
    """Run an engine's program in a folder; return what it printed.

    Raises
    ------
    ToolError
        It failed; the message ends with what it said.
    """
    asked = [str(program), *arguments]
    return run_tool(f"the {engine} engine", asked, folder=folder, timeout_s=_LIMIT_S).log
