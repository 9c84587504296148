"""Flips from a user's own cocotb test bench."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from sim.cosim.tools import verilator_environment
from sim.faults.cocotb.engine import BENCH
from tests.sim.faults.experiments import DESIGNS


def test_flips_propagate_in_a_bench_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (BENCH, DESIGNS):
        monkeypatch.syspath_prepend(str(folder))
    assert str(BENCH) in sys.path
    runner = get_runner("verilator")
    with verilator_environment("-O0"):
        runner.build(
            sources=[DESIGNS / "packetiser.v"],
            hdl_toplevel="packetiser",
            build_dir=tmp_path,
            build_args=["-Wno-fatal"],
            log_file=tmp_path / "build.log",
        )
    results = runner.test(
        test_module="user_bench",
        hdl_toplevel="packetiser",
        build_dir=tmp_path,
        test_dir=tmp_path,
        results_xml=str(tmp_path / "results.xml"),
        log_file=tmp_path / "simulation.log",
    )
    assert get_results(results) == (1, 0), (tmp_path / "simulation.log").read_text()
