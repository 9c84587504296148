"""Random designs follow from their seed, and a difference between engines is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import fault_fuzz
from bench.fault_fuzz import RandomDesign, compare
from sim.faults.experiment import Experiment
from sim.faults.lanes import LanesEngine

SEED = 4


def test_a_design_follows_from_its_seed() -> None:
    texts = [RandomDesign(seed).verilog for seed in range(30)]
    assert [RandomDesign(seed).verilog for seed in range(30)] == texts
    assert len(set(texts)) == 30
    together = "\n".join(texts)
    for words in ("negedge rst_n", "case (", "signed ", " / ", " >>> ", "initial begin m0"):
        assert words in together


class Wrong(LanesEngine):
    """An engine of which one outcome in every campaign is wrong, by a bit."""

    def __init__(self, experiment: Experiment, **_: Any) -> None:
        super().__init__(experiment, lanes=8)

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        found = super().inject(faults)
        found["bits"][len(found) // 2] += 1
        return found


def test_a_difference_is_found_and_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(fault_fuzz, "VerilatorEngine", Wrong)
    faults, wrong = compare(SEED, 40, tmp_path)
    assert wrong == 1
    assert faults >= 80
    assert "differ: 1\n" in capsys.readouterr().out
    assert (tmp_path / f"fuzz{SEED}.sv").read_text() == RandomDesign(SEED).verilog
