"""The bench of the golden GEMM: which bar is whose, and that missing one shows."""

from __future__ import annotations

import pytest

from bench import golden_gemm
from sim.quality.arithmetic import Arithmetic


@pytest.mark.parametrize(
    ("text", "least"),
    [("int8", 50e6), ("posit8", 50e6), ("posit16", 5e6), ("bf16@24", 5e6), ("int8@32", 50e6)],
)
def test_sums_within_53_bits_have_the_higher_bar(text: str, least: float) -> None:
    assert golden_gemm.bar(Arithmetic.parse(text)) == least


def test_a_missed_bar_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(golden_gemm, "rate", lambda arithmetic, shape: 10e6)
    assert golden_gemm.main(["--case", "posit16"]) == 0
    assert golden_gemm.main(["--case", "int8"]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_rates_are_of_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0])
    monkeypatch.setattr(golden_gemm.time, "process_time", lambda: next(clock))
    assert golden_gemm.rate(Arithmetic.parse("int8"), (4, 5, 6), repeats=1) == 60
