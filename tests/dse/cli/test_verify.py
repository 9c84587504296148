"""`dse verify` around a verification that is played back, and once for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dse.designs import write_design
from hw.export import export
from hw.matrix import MatrixConfig
from sim.cosim import VerifiedCase, VerifyResult
from tests.dse.provenance.walk import json_gaps

from .helpers import dse

CONFIG = MatrixConfig(rows=2, cols=2, operand_bits=4, a_depth=16, b_depth=16)


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_design(tmp_path_factory.mktemp("designs") / "00", CONFIG, export(CONFIG)).path


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Play back a verification; return what it was asked for. Keys of a result change it."""
    calls: dict[str, Any] = {"cycles": 40, "lint": ()}

    def verify_design(design: Any, config: Any, **rest: Any) -> VerifyResult:
        calls.update(rest, design=design, config=config)
        case = VerifiedCase(
            m=3, k=4, n=5, stalled=True, cycles=calls["cycles"], expected_cycles=40, mismatches=0
        )
        return VerifyResult(lint=calls["lint"], cases=(case,), queued_mismatches=0, coverage=None)

    monkeypatch.setattr("sim.cosim.verify_design", verify_design)
    return calls


def test_a_sound_design_passes(design: Path, found: dict[str, Any]) -> None:
    outcome = dse("verify", "--design", design, "--cases", 3, "--seed", 5, "--no-coverage")
    assert outcome.code == 0
    assert "verdict   passed" in outcome.out
    assert "clean (verilator -Wall, no waivers)" in outcome.out
    assert found["config"] == CONFIG
    assert (found["cases"], found["seed"], found["coverage"]) == (3, 5, False)


@pytest.mark.parametrize(("option", "value"), [("--seed", -5), ("--cases", 0)])
def test_what_nothing_can_be_drawn_from_is_refused(
    design: Path, found: dict[str, Any], option: str, value: int
) -> None:
    outcome = dse("verify", "--design", design, option, value)
    assert outcome.code == 2
    assert option in outcome.err
    assert "design" not in found


def test_a_difference_of_one_cycle_fails(design: Path, found: dict[str, Any]) -> None:
    found["cycles"] = 41
    outcome = dse("verify", "--design", design)
    assert outcome.code == 1
    assert "verdict   FAILED" in outcome.out
    assert "does not do what its model says" in outcome.err


def test_a_lint_warning_fails_and_is_printed(design: Path, found: dict[str, Any]) -> None:
    found["lint"] = ("%Warning-WIDTH: pe.v:3",)
    outcome = dse("verify", "--design", design)
    assert outcome.code == 1
    assert "%Warning-WIDTH: pe.v:3" in outcome.out


def test_json_holds_every_case(design: Path, found: dict[str, Any]) -> None:
    data = dse("verify", "--design", design, "--json").data
    assert data["passed"] is True
    assert data["cases"][0]["expected_cycles"] == 40
    assert data["edited"] is False
    assert json_gaps(data, set()) == []


def test_edited_verilog_is_what_is_checked(tmp_path: Path, found: dict[str, Any]) -> None:
    path = write_design(tmp_path / "00", CONFIG, export(CONFIG)).path
    source = path / "verilog" / "kiln_matrix.v"
    source.write_text(source.read_text("utf-8") + "// mine\n", "utf-8")
    outcome = dse("verify", "--design", path)
    assert "differs from what Kiln generates" in outcome.err
    assert "// mine" in found["design"].verilog


def test_a_design_without_verilog_is_refused(tmp_path: Path, found: dict[str, Any]) -> None:
    path = write_design(tmp_path / "00", CONFIG, export(CONFIG)).path
    for source in (path / "verilog").iterdir():
        source.unlink()
    outcome = dse("verify", "--design", path)
    assert outcome.code == 2
    assert "holds no Verilog" in outcome.err


def test_an_empty_verilog_file_is_named(tmp_path: Path, found: dict[str, Any]) -> None:
    path = write_design(tmp_path / "00", CONFIG, export(CONFIG)).path
    (path / "verilog" / "kiln_matrix.v").write_text("\n", "utf-8")
    outcome = dse("verify", "--design", path)
    assert outcome.code == 2
    said = "".join(outcome.err.split())
    assert "kiln_matrix.vholdsnoVerilog;writeitagainwith`dsegenerate`" in said


@pytest.mark.parametrize("cases", ["0", "-1", "x"])
def test_absurd_numbers_of_cases_are_refused(design: Path, cases: str) -> None:
    assert dse("verify", "--design", design, "--cases", cases).code == 2


@pytest.mark.slow
def test_a_generated_design_verifies(design: Path) -> None:
    assert dse("verify", "--design", design, "--cases", 2, "--no-coverage").code == 0
