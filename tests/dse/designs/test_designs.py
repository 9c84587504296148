"""Design folders: they read back, they carry what a tool needs, and their test bench runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from boards.metrics import Figure, Metrics
from dse.designs import DesignFolder, config_text, read_config, write_design
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MatrixConfig

SMALL = MatrixConfig(rows=2, cols=3, operand_bits=4, accum_bits=20, a_depth=16, b_depth=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DesignFolder:
    clock = Figure(value=91.5, unit="MHz", fidelity="measured", tool="nextpnr")
    return write_design(
        tmp_path_factory.mktemp("designs") / "00",
        SMALL,
        export(SMALL, "mini"),
        metrics=Metrics(clock_mhz_measured=clock),
        trace={"operators": []},
        files={"logs/route.log": "all routed", "logs/none.log": ""},
    )


def test_a_design_folder_reads_back(folder: DesignFolder) -> None:
    assert folder.config == SMALL
    assert folder.top == "mini"
    assert "module mini" in folder.verilog
    assert folder.metrics.value("clock_mhz_measured") == 91.5
    assert folder.trace == {"operators": []}
    assert (folder.path / "logs" / "route.log").read_text("utf-8") == "all routed"
    assert not (folder.path / "logs" / "none.log").exists()


def test_every_module_has_its_file(folder: DesignFolder) -> None:
    for source in folder.sources:
        assert f"module {source.stem}" in source.read_text("utf-8")
    assert "mini.v" in {source.name for source in folder.sources}


def test_the_core_names_every_source(folder: DesignFolder) -> None:
    core = (folder.path / "mini.core").read_text("utf-8")
    assert core.startswith("CAPI=2:\nname: kiln::mini:0\n")
    assert all(f"- verilog/{source.name}\n" in core for source in folder.sources)
    assert "- testbench/tb_mini.v\n" in core


def test_the_stimulus_covers_ragged_edges(folder: DesignFolder) -> None:
    keeps = (folder.path / "testbench" / "keep.hex").read_text("utf-8").split()
    assert len(set(keeps)) > 1


def test_writing_twice_gives_the_same_files(folder: DesignFolder, tmp_path: Path) -> None:
    again = write_design(tmp_path / "00", SMALL, export(SMALL, "mini"))
    for path in (*again.sources, again.path / "testbench" / "expected.hex"):
        assert path.read_bytes() == (folder.path / path.relative_to(again.path)).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_the_stand_alone_bench_passes(tmp_path: Path, dataflow: str) -> None:
    from sim.cosim.tools import verilator_binary, verilator_environment

    config = MatrixConfig(rows=4, cols=4, dataflow=dataflow, a_depth=64, b_depth=64)
    path = write_design(tmp_path, config, export(config)).path / "testbench"
    make = "CFG_CXXFLAGS_STD=-std=gnu++20 CFG_CXXFLAGS_COROUTINES=-fcoroutines"
    command = [str(verilator_binary()), "--binary", "--timing", "-Wno-fatal"]
    command += ["--top-module", "tb_kiln_matrix", "-MAKEFLAGS", make]
    sources = [*sorted(path.parent.glob("verilog/*.v")), path / "tb_kiln_matrix.v"]
    with verilator_environment():
        subprocess.run([*command, *map(str, sources)], cwd=path, check=True, capture_output=True)
    done = subprocess.run(
        ["obj_dir/Vtb_kiln_matrix"], cwd=path, capture_output=True, text=True, check=True
    )
    assert "PASS: " in done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows = ", "is not TOML"),
        ("[matrix]\nrows = 4\n", 'block = "..." is missing'),
        ('block = "matrx"\n', "did you mean 'matrix'"),
        ('block = "matrix"\n[matrix]\nrow = 4\n', "unknown key 'row'; did you mean 'rows'"),
        ('block = "matrix"\nrows = 4\n', "unknown key 'rows'"),
        ('block = "matrix"\nmatrix = 4\n', "must be a table"),
        ('block = "matrix"\n[matrix]\nrows = 0\n', "rows=0"),
        ('block = "matrix"\n[matrix]\nrows = "4"\n', "rows='4'"),
    ],
)
def test_a_broken_configuration_names_file_and_remedy(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(path) in str(caught.value) or "did you mean" in str(caught.value)
    assert words in str(caught.value)


def test_a_missing_configuration_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a design folder"):
        read_config(tmp_path / "config.toml")


def test_binary_configurations_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\x00")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_config(tmp_path / "config.toml")


def test_only_blocks_can_be_written() -> None:
    with pytest.raises(ConfigError, match="is no known block"):
        config_text(object())
