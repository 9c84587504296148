"""A real search whose tools are played back: everything but Yosys, nextpnr and Verilator runs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from boards.cache import Entry
from boards.flows import SynthesisReport
from boards.metrics import Figure, Metrics
from dse.explore import ladder
from tests.dse.cli.helpers import dse

__all__ = ["COMMAND", "search"]

GEMMS = "name,m,k,n,count,phase\nqkv,8,64,96,2,prefill\nffn,1,64,256,4,decode\n"
OPTIONS = "--budget 6 --jobs 1 --sampler random --max-latency 0.18"
HELD = ("rows=4,8", "cols=4,8", "a_depth=512", "b_depth=512", "banks=1", "result_ratio=1")
COMMAND = ["search", "--workload", "gemms.csv", *OPTIONS.split()]
COMMAND += [word for held in HELD for word in ("--fix", held)]

_HUGE = 200_000  # LUT: more than the board has
_ROUTER = ("nextpnr-ecp5", "nextpnr 0.11")


def search(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Search in `folder` as the command line does; return the run."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KILN_CACHE", str(folder / "cache"))
    monkeypatch.setattr(sys, "argv", ["dse", *COMMAND])
    monkeypatch.setattr(ladder, "synthesis", _synthesis)
    monkeypatch.setattr(ladder, "measure_clock", _clock)
    monkeypatch.setattr(ladder, "_run_tile", _simulation)
    tool = SimpleNamespace(identity="verilator 5.48.0")
    monkeypatch.setattr(ladder, "require_tool", lambda name: tool)
    (folder / "gemms.csv").write_text(GEMMS, "utf-8")
    outcome = dse(*COMMAND)
    assert outcome.code == 0, outcome.err
    return folder / "runs" / "gemms"


def _synthesis(design, target, **_):
    cells = len(design.verilog) % 97
    used = {"lut": 900 + 20 * cells, "ff": 800 + 10 * cells, "dsp": 16, "bram": 6}
    if cells % 5 == 0:  # one in five is too large for the board
        used["lut"] = _HUGE
    measured = {
        f"engine_{name}_measured": _figure(value, name.upper(), "yosys", "pyosys 0.70", design)
        for name, value in used.items()
    }
    return SynthesisReport(
        metrics=Metrics(measured),
        modules={design.top: {"count": 1, **used}},
        netlist="",
        log=Path("none.log"),
    )


def _clock(design, area, target, **_):
    routed = {
        f"routed_{name}_measured": _figure(
            area.metrics.value(f"engine_{name}_measured"), name.upper(), *_ROUTER, design
        )
        for name in ("lut", "ff", "dsp", "bram")
    }
    clock = _figure(120.0 + len(design.verilog) % 31, "MHz", *_ROUTER, design)
    return Metrics(clock_mhz_measured=clock, **routed), {"reports/routing.json": "{}\n"}


def _figure(value, unit, tool, version, design):
    return Figure(
        value=value,
        unit=unit,
        fidelity="measured",
        tool=tool,
        version=version,
        conditions="played back",
        inputs=design.digest,
    )


def _simulation(config, design, cases):
    shapes = [(case.job.m, case.job.k, case.job.n) for case in cases]
    cycles = [config.cycles(config.plan(*shape)).total for shape in shapes]
    return Entry(payload={"cycles": cycles, "mismatches": 0, "activity": {}}, log="played back\n")
