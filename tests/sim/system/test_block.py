"""Every GEMM of a real GPT-2 block: the closed form against co-simulated Verilog."""

from __future__ import annotations

import pytest

from bench.gpt2_block import DESIGNS, LIMIT, block_operators, compare
from boards.target import load_target
from hw.contracts import Phase
from hw.matrix import MatrixConfig


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("config", DESIGNS, ids=lambda c: f"{c.dataflow}{c.rows}x{c.cols}")
def test_whole_block_within_two_percent_of_cosimulation(config: MatrixConfig, phase: Phase) -> None:
    assert abs(compare(config, load_target(), block_operators(phase))) <= LIMIT


def test_the_block_has_all_six_gemms_in_both_phases() -> None:
    names = ["qkv", "qk", "av", "proj", "ffn_up", "ffn_down"]
    for phase in Phase:
        assert [op.name for op in block_operators(phase)] == names
