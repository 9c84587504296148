"""`dse inject` on foreign Verilog, and on what cannot be used."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from dse.designs import write_design
from hw.export import export
from hw.matrix import MatrixConfig

from .bad_campaigns import BAD, GOOD
from .helpers import dse

FOREIGN = Path(__file__).parents[2] / "sim" / "faults" / "foreign"
UART = (FOREIGN / "uart" / "uart.v", FOREIGN / "uart" / "fifo.v")
CROSSBAR = (FOREIGN / "crossbar" / "crossbar.v", FOREIGN / "crossbar" / "arbiter.v")
CRC = tuple(FOREIGN / "crc" / name for name in ("crc_pkg.sv", "byte_if.sv", "crc_core.sv"))


def run(files: tuple[Path, ...], top: str, stimulus: Any, *rest: Any, out: Path) -> Any:
    """Inject into Verilog and return the summary; the check against Verilator included."""
    outcome = dse(
        "inject", "--verilog", *files, "--top", top, "--stimulus", stimulus, "--out", out, *rest
    )
    assert outcome.code == 0, outcome.err
    found = json.loads((out / "summary.json").read_text())
    assert found["checked_against_sources"]["cycles"] == found["cycles"]
    return found


def outcomes(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "outcomes.csv").read_text().splitlines()))


def test_a_uart_with_a_fifo_an_include_and_asynchronous_reset(tmp_path: Path) -> None:
    folder = FOREIGN / "uart"
    found = run(
        UART, "uart", folder / "stimulus.py", "--observe", folder / "observe.toml",
        "--faults", "seu,memory", out=tmp_path,
    )  # fmt: skip
    assert (found["flop_bits"], found["memory_bits"], found["window"]) == (65, 32, [3, 192])
    upsets, memory = found["campaigns"]
    assert upsets["injected"] == 65 * 190
    assert upsets["counts"]["detected"] > 500  # by the parity of the receiver
    structures = {each["structure"]: each for each in upsets["structures"]}
    assert structures["FIFO pointers"]["undetected"]["share"] > 0.9
    assert [each["structure"] for each in memory["structures"]] == ["FIFO memory"]
    rows = outcomes(tmp_path)
    assert len(rows) == upsets["injected"] + memory["injected"]
    assert {row["site"] for row in rows if row["fault"] == "memory"} >= {"u_fifo.mem[3][7]"}
    for name, count in upsets["counts"].items():
        assert sum(r["class"] == name and r["fault"] == "seu" for r in rows) == count


def test_all_engines_write_the_same_outcomes(tmp_path: Path) -> None:
    folder = FOREIGN / "uart"
    texts = set()
    for engine in ("lanes", "verilator", "gates", "cocotb"):
        run(
            UART, "uart", folder / "stimulus.py", "--observe", folder / "observe.toml",
            "--faults", "seu,memory", "--campaign", "sampled", "--sample", 40,
            "--engine", engine, out=tmp_path / engine,
        )  # fmt: skip
        texts.add((tmp_path / engine / "outcomes.csv").read_text())
    assert len(texts) == 1
    assert len(texts.pop().splitlines()) == 81


def test_a_crossbar_of_generate_loops_at_random(tmp_path: Path) -> None:
    found = run(
        CROSSBAR, "crossbar", "random", "--cycles", 60, "--faults", "seu,set", "--campaign",
        "sampled", "--sample", 2000, "--seed", 3, out=tmp_path,
    )  # fmt: skip
    assert found["window"] == [4, 59]
    upsets, transients = found["campaigns"]
    assert upsets["injected"] == transients["injected"] == 2000
    assert {"sinks[0].arbiter", "source[3]"} <= {s["structure"] for s in upsets["structures"]}
    low, high = upsets["undetected"]["low"], upsets["undetected"]["high"]
    assert low < upsets["undetected"]["share"] < high


def test_a_packaged_crc_with_an_interface_and_parameters(tmp_path: Path) -> None:
    folder = FOREIGN / "crc"
    options = ("--observe", folder / "observe.toml", "-P", "Depth=3")
    found = run(CRC, "crc_core", folder / "stimulus.py", *options, out=tmp_path / "a")
    assert found["flop_bits"] == 23 + 27 + 27
    names = {row["site"] for row in outcomes(tmp_path / "a")}
    assert {"u_engine.cmd_q.reflect[0]", "u_engine.crc_q[31]", "data_q[2][7]"} <= names
    again = run(CRC, "crc_core", folder / "stimulus.py", *options, out=tmp_path / "a")
    assert again["campaigns"][0]["injected_now"] == 0  # all of it was kept
    assert again["campaigns"][0]["counts"] == found["campaigns"][0]["counts"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def command(**changed: str | None) -> list[str]:
    """Return the command; an option that is None is left out, one that is empty is a flag."""
    options: dict[str, str | None] = {"--verilog": "core.v", "--top": "core"}
    options |= {"--stimulus": "stim.py", "--out": "out"} | changed
    given = [(name, value) for name, value in options.items() if value is not None]
    return ["inject", *(word for pair in given for word in pair if word)]


def test_the_design_that_bad_ones_are_made_of_is_good(folder: Path) -> None:
    outcome = dse(*command(), "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.data["campaigns"][0]["injected"] == 9 * 18
    assert outcome.data == json.loads((folder / "out" / "summary.json").read_text())


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_with_its_place(folder: Path, name: str) -> None:
    bad = BAD[name]
    for file, text in bad.files.items():
        (folder / file).write_text(text)
    outcome = dse(*command(**bad.options))
    assert outcome.code == 2
    assert bad.said in outcome.err
    assert "Traceback" not in outcome.err
    assert not (folder / "out" / "summary.json").exists()


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    for options, said in (
        (("--design", tmp_path, "--top", "x"), "--design brings its Verilog"),
        ((), "nothing to inject into"),
        (("--verilog", "x.v"), "--top is missing"),
        (("--shard", "3/2"), "--shard 3/2: write I/N"),
        (("--out", __file__), "is a file; name a folder"),
        (("--margin", "2"), "--margin=2.0 is no share"),
        (("--verilog", "x.v", "--job", "2x2x2"), "--job and --mode are of Kiln's engines"),
        (("--design", tmp_path, "--cycles", 9), "--design brings its Verilog"),
        (("--verilog", "x.v", "--stimulus", "s.py", "--cycles", 9), "s.py says itself how long"),
    ):
        outcome = dse("inject", "--seed", 0, *options)
        assert outcome.code == 2
        assert said in outcome.err


def test_a_design_of_a_run_runs_its_own_job(tmp_path: Path) -> None:
    config = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16, result_rows=4)
    design = write_design(tmp_path / "00", config, export(config)).path
    options = ("--job", "2x4x2", "--faults", "seu", "--out", tmp_path / "out")
    outcome = dse("inject", "--design", design, *options)
    assert outcome.code == 0, outcome.err
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    structures = {each["structure"] for each in found["campaigns"][0]["structures"]}
    assert {"accumulators", "operand registers", "sequencer", "skew"} <= structures
    assert found["checked_against_sources"]["cycles"] == found["cycles"]


def test_a_dump_of_a_run_gives_the_run_again(folder: Path) -> None:
    assert dse(*command()).code == 0
    first = json.loads((folder / "out" / "summary.json").read_text())
    lines = ["$timescale 1ns $end", "$scope module tb $end", "$scope module dut $end"]
    lines += ["$var wire 1 ! clk $end", '$var wire 1 " rst $end', "$var wire 4 # d [3:0] $end"]
    lines += ["$upscope $end", "$upscope $end", "$enddefinitions $end"]
    for cycle in range(20):
        lines += [f"#{10 * cycle}", "0!", f'{int(cycle < 2)}"', f"b{cycle % 16:b} #"]
        lines += [f"#{10 * cycle + 5}", "1!"]
    (folder / "run.vcd").write_text("\n".join(lines))
    assert dse(*command(**{"--stimulus": "run.vcd", "--out": "again"})).code == 0
    again = json.loads((folder / "again" / "summary.json").read_text())
    assert again["stimulus_sha256"] == first["stimulus_sha256"]
    assert again["campaigns"][0]["counts"] == first["campaigns"][0]["counts"]
