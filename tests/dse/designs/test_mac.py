"""Folders of multiply-accumulate units: configuration, header, and a bench that can fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dse.designs import write_design
from hw.export import export
from hw.mac import MacConfig
from tests.dse.cli.helpers import dse

UNITS = {
    "reference": MacConfig(accumulator="bounded"),
    "lanes": MacConfig(modes=("posit8", "fp8_e4m3"), reduce=False, outputs=("fp16", "posit8")),
    "wide": MacConfig(modes=("int8", "fp4_e2m1"), port="wide", bank=3, segment=16),
}


def test_generate_takes_formats_by_commas_and_reads_them_back(tmp_path: Path) -> None:
    options = ("--modes", "fp4_e2m1, posit8", "--no-reduce", "--output", tmp_path / "unit")
    files = dse("generate", "mac", *options, "--json").data["files"]
    assert {"kiln_mac.h", "testbench/tb_kiln_mac.v", "testbench/expected.hex"} <= set(files)
    from dse.designs import read_config

    found = read_config(tmp_path / "unit" / "config.toml")
    assert found == MacConfig(modes=("fp4_e2m1", "posit8"), reduce=False)
    header = (tmp_path / "unit" / "kiln_mac.h").read_text("utf-8")
    assert f"#define KILN_MAC_LATENCY {found.latency}" in header


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    outcome = dse("generate", "mac", "--modes", "posit88", "--output", tmp_path / "unit")
    assert outcome.code == 2
    assert "posit88" in outcome.err
    assert not (tmp_path / "unit").exists()


def test_verify_runs_dot_products_on_the_files_of_the_folder(tmp_path: Path) -> None:
    config = MacConfig(modes=("int4",), length=16, pipeline=0)
    folder = write_design(tmp_path, config, export(config, "kiln_mac")).path
    found = dse("verify", "--design", folder, "--cases", "2", "--json").data
    assert found["passed"]
    assert [run["results"] for run in found["runs"]] == [2, 2, 2, 2]
    (source,) = [path for path in folder.glob("verilog/*.v") if path.stem == "kiln_mac"]
    text = source.read_text("utf-8")
    assert "m_axis_tdata" in text
    source.write_text(text.replace("assign m_axis_tdata =", "assign m_axis_tdata = 1 ^"))
    outcome = dse("verify", "--design", folder, "--cases", "2")
    assert outcome.code == 1
    assert "differs from what Kiln generates" in outcome.err
    assert "FAILED" in outcome.out


def _simulate(path: Path) -> subprocess.CompletedProcess[str]:
    from sim.cosim.tools import verilator_binary, verilator_environment

    make = "CFG_CXXFLAGS_STD=-std=gnu++20 CFG_CXXFLAGS_COROUTINES=-fcoroutines"
    command = [str(verilator_binary()), "--binary", "--timing", "-Wno-fatal"]
    command += ["--top-module", "tb_kiln_mac", "-MAKEFLAGS", make]
    sources = [*sorted(path.glob("verilog/*.v")), path / "testbench" / "tb_kiln_mac.v"]
    with verilator_environment():
        subprocess.run(
            [*command, *map(str, sources)], cwd=path / "testbench", check=True, capture_output=True
        )
    return subprocess.run(
        ["obj_dir/Vtb_kiln_mac"],
        cwd=path / "testbench",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("config", UNITS.values(), ids=UNITS)
def test_the_stand_alone_bench_passes_and_can_fail(tmp_path: Path, config: MacConfig) -> None:
    path = write_design(tmp_path, config, export(config, "kiln_mac")).path
    assert "PASS: " in _simulate(path).stdout
    expected = path / "testbench" / "expected.hex"
    first, *others = expected.read_text("utf-8").splitlines()
    expected.write_text("\n".join([f"{int(first, 16) ^ 1:x}", *others, ""]), encoding="utf-8")
    spoiled = _simulate(path)
    assert spoiled.returncode != 0
    assert "1 wrong" in spoiled.stdout
