"""The cache of compiled models: made once, shared, never half there."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim.cosim import CosimBuildError, compile_model
from sim.cosim import model as models

from .toy import ToyConfig, toy_design


@pytest.fixture
def fake_runner(monkeypatch):
    """Replace the build by one that writes a file; return how often it ran."""
    runs = []

    def build(design, variant, optimize, source, work):
        runs.append((variant, optimize, source.read_text()))
        (work / "build").mkdir()
        (work / "build" / "kiln_tb").write_text("#!/bin/sh\n")
        (work / "build.log").write_text("done\n")

    monkeypatch.setattr(models, "_run_build", build)
    monkeypatch.setattr(models, "tool_identity", lambda: "tools 1.0")
    return runs


def test_model_is_built_once(fake_runner, tmp_path):
    design = toy_design(ToyConfig())
    assert not compile_model(design, cache=tmp_path).cached
    assert compile_model(design, cache=tmp_path).cached
    assert len(fake_runner) == 1


def test_any_difference_is_another_model(fake_runner, monkeypatch, tmp_path):
    folders = {
        compile_model(toy_design(ToyConfig()), cache=tmp_path).folder,
        compile_model(toy_design(ToyConfig(rows=8)), cache=tmp_path).folder,
        compile_model(toy_design(ToyConfig()), variant="coverage", cache=tmp_path).folder,
        compile_model(toy_design(ToyConfig()), optimize="-O0", cache=tmp_path).folder,
    }
    monkeypatch.setattr(models, "tool_identity", lambda: "tools 2.0")
    folders.add(compile_model(toy_design(ToyConfig()), cache=tmp_path).folder)
    assert len(folders) == len(fake_runner) == 5


def test_two_that_ask_at_once_build_once(fake_runner, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda _: compile_model(toy_design(ToyConfig()), cache=tmp_path), range(8))
        )
    assert len({model.folder for model in found}) == len(fake_runner) == 1
    assert sum(not model.cached for model in found) == 1


def test_interrupted_build_leaves_nothing(fake_runner, monkeypatch, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "_run_build", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compile_model(toy_design(ToyConfig()), cache=tmp_path)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_top_without_streams_is_refused(tmp_path):
    design = toy_design(ToyConfig())
    design.ports = design.ports[1:]
    with pytest.raises(CosimBuildError, match="no port 's_axis_cmd_tdata'"):
        compile_model(design, cache=tmp_path)


def test_run_time_library_is_compiled_once(tmp_path):
    """The compiler front end keeps Verilator's own objects and no other."""
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\necho run >> runs\necho object > "$3"\n')
    compiler.chmod(0o755)
    (tmp_path / "Vtop.h").write_text("")
    script = models.BENCH / "object_cache.sh"
    for _ in range(2):
        for name in ("verilated_vpi", "Vtop__ALL"):
            subprocess.run(
                ["sh", script, "./compiler", "-c", "-o", f"{name}.o", f"include/{name}.cpp"],
                cwd=tmp_path,
                env={"PATH": "/usr/bin:/bin", "KILN_OBJECT_CACHE": str(tmp_path / "kept")},
                check=True,
            )
    assert (tmp_path / "runs").read_text().count("run") == 3
    assert (tmp_path / "verilated_vpi.o").read_text() == "object\n"
    assert len(list((tmp_path / "kept").iterdir())) == 1


@pytest.mark.parametrize(("header", "kept"), [("Vtop.h", 1), ("Vkiln_bench.h", 0)])
def test_only_the_driver_that_designs_share_is_kept(header, kept, tmp_path):
    (tmp_path / "compiler").write_text('#!/bin/sh\necho object > "$3"\n')
    (tmp_path / "compiler").chmod(0o755)
    (tmp_path / header).write_text("")
    (tmp_path / "kept").mkdir()
    done = subprocess.run(
        [
            "sh",
            models.BENCH / "object_cache.sh",
            "./compiler",
            "-c",
            "-o",
            "verilator.o",
            "d/verilator.cpp",
        ],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "KILN_OBJECT_CACHE": str(tmp_path / "kept")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert len(list((tmp_path / "kept").iterdir())) == kept
