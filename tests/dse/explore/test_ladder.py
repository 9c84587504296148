"""What the ladder refuses: a design whose simulation is not what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards.cache import Cache, Entry
from boards.target import load_target
from dse.explore import ladder as ladder_module
from dse.explore.ladder import Ladder, WrongDesignError
from dse.explore.tile import tile_cases
from dse.workloads import load_workload, make_scenario
from hw.export import export
from hw.matrix import MatrixConfig

CONFIG = MatrixConfig(rows=2, cols=2, operand_bits=4, a_depth=16, b_depth=16)


@pytest.mark.parametrize(
    ("late", "mismatches", "refused"), [(0, 0, False), (1, 0, True), (0, 1, True)]
)
def test_one_cycle_or_one_element_off_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int, mismatches: int, refused: bool
) -> None:
    trace = load_workload("gpt2", make_scenario(prompt=16, generate=2)).trace()
    jobs = [case.job for case in tile_cases(CONFIG, trace, 0)]
    cycles = [CONFIG.cycles(job).total for job in jobs]
    cycles[-1] += late
    entry = Entry(payload={"cycles": cycles, "mismatches": mismatches, "activity": {}})
    monkeypatch.setattr(ladder_module, "_run_tile", lambda *_: entry)
    ladder = Ladder(load_target(), trace, lambda *_: {}, cache=Cache(tmp_path))
    if refused:
        with pytest.raises(WrongDesignError, match="wrong results; report it"):
            ladder._simulate(CONFIG, export(CONFIG))
    else:
        found = ladder._simulate(CONFIG, export(CONFIG))
        assert found.metrics["engine_cycles_measured"].value == sum(cycles)
