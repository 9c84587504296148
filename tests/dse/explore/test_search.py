"""The search loop on a toy problem: budget, order, resume, and Optuna's samplers in its place."""

from __future__ import annotations

import pytest

from dse.explore.search import Search
from dse.results import RunFolder, TrialState
from hw.contracts import ConfigError

from .toy import ToyEvaluator


def run_search(path, evaluator=None, **options):
    evaluator = evaluator or ToyEvaluator()
    run = RunFolder(path)
    run.start({})
    search = Search(evaluator, run, **{"budget": 8, **options})
    return search, list(search), evaluator


def test_the_budget_counts_measurements(tmp_path):
    search, results, evaluator = run_search(tmp_path / "run", budget=6)
    assert len(results) == len(evaluator.measured) == len(search.results) == 6


def test_the_front_is_written_with_units_in_its_columns(tmp_path):
    search, _, _ = run_search(tmp_path / "run")
    header = (tmp_path / "run" / "front.csv").read_text().splitlines()[0]
    assert header == "design,state,rows,waste,engine_lut_measured"
    measured = [r.metrics["engine_lut_measured"].value for r in search.front_results]
    assert list(search.front["engine_lut_measured"]) == pytest.approx(measured)


@pytest.mark.parametrize("sampler", ["kiln", "tpe", "nsga2", "random"])
def test_the_same_seed_gives_the_same_front(tmp_path, sampler):
    fronts = []
    for name in ("one", "two"):
        run_search(tmp_path / name, sampler=sampler, seed=3)
        fronts.append((tmp_path / name / "front.csv").read_bytes())
    assert fronts[0] == fronts[1]


def test_a_finished_run_is_shown_again_without_measuring(tmp_path):
    first, _, _ = run_search(tmp_path / "run")
    again, results, evaluator = run_search(tmp_path / "run")
    assert not results
    assert not evaluator.measured
    assert [r.knobs for r in again.results] == [r.knobs for r in first.results]


@pytest.mark.parametrize("stop", [1, 3, 4, 6])
def test_an_interrupted_run_resumes_to_the_same_front(tmp_path, stop):
    whole, _, _ = run_search(tmp_path / "whole")
    evaluator = ToyEvaluator()
    evaluator.fail_at = stop
    with pytest.raises(KeyboardInterrupt):
        run_search(tmp_path / "cut", evaluator)
    evaluator.fail_at = None
    resumed, _, _ = run_search(tmp_path / "cut", evaluator)
    assert [r.knobs for r in resumed.results] == [r.knobs for r in whole.results]
    assert (tmp_path / "cut" / "front.csv").read_bytes() == (
        tmp_path / "whole" / "front.csv"
    ).read_bytes()


def test_a_larger_budget_continues_where_the_run_stopped(tmp_path):
    run_search(tmp_path / "run", budget=4)
    search, results, evaluator = run_search(tmp_path / "run", budget=8)
    assert len(results) == len(evaluator.measured) == 4
    assert [r.number for r in search.results] == list(range(8))


def test_points_the_model_refuses_cost_no_budget(tmp_path):
    evaluator = ToyEvaluator(limit=1500.0)
    search, _, _ = run_search(tmp_path / "run", evaluator, sampler="random", budget=5)
    assert len(evaluator.measured) == 5
    assert all(r.state is TrialState.MEASURED for r in search.results)
    assert all(evaluator.model.figures["area"][i] <= 1500 for i in evaluator.measured)


def test_unknown_sampler_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'nsga2'"):
        run_search(tmp_path / "run", sampler="nsga")


def test_a_budget_of_nothing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="use 1 or more"):
        run_search(tmp_path / "run", budget=0)
