"""`dse inject --text`: wrong results of a matrix engine in the small language model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dse.inject.text import check_text, text_of
from hw.contracts import ConfigError
from hw.mac import MacConfig
from hw.matrix import MatrixConfig
from sim.faults.campaign import Campaign, run_campaign
from sim.faults.lanes import LanesEngine
from sim.faults.model import FAULT_MODELS
from sim.faults.sites import list_sites
from sim.faults.statistics import Frame, Sampled
from tests.sim.faults.experiments import matrix

CONFIG = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16, result_rows=4)
SHAPE = (2, 8, 2)


def of(config: Any) -> Any:
    return SimpleNamespace(config=config)


def campaign(cycles: range) -> Any:
    experiment = matrix(CONFIG, SHAPE)
    engine, sites = LanesEngine(experiment), list_sites(experiment.netlist)
    plan = Sampled(frame=Frame.of(sites, cycles), sample=400)
    return engine, run_campaign(Campaign(sites, plan, FAULT_MODELS["seu"]), engine, jobs=1)


def test_a_campaigns_faults_reach_text() -> None:
    engine, result = campaign(range(4, 16))
    found = text_of(of(CONFIG), engine, [result], shape=SHAPE, trials=4, seed=2)
    assert list(found) == ["single-event upset of a flip-flop", "a random bit of a random result"]
    for replayed in found.values():
        assert len(replayed.consequences) == 4
        assert all(c.words for c in replayed.consequences)


def test_a_campaign_without_wrong_results_has_no_text() -> None:
    engine, result = campaign(range(0, 1))
    result.outcomes["beats"] = 0
    with pytest.raises(ConfigError, match="no fault made a result wrong"):
        text_of(of(CONFIG), engine, [result], shape=SHAPE, trials=4, seed=2)


def test_other_designs_and_engines_are_refused() -> None:
    for config in (None, MacConfig(modes=("fp4_e2m1",))):
        with pytest.raises(ConfigError, match="--text replays results of an integer matrix engine"):
            check_text(of(config), of(None))
    with pytest.raises(ConfigError, match=r"gates does not record; use --engine lanes"):
        check_text(of(CONFIG), SimpleNamespace(name="gates"))  # type: ignore[arg-type]
