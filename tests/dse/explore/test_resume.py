"""A search that is killed and resumed: nothing lost, nothing repeated, the same front."""

from __future__ import annotations

import random

import pytest

from bench.kill_resume import broken_files, finished_trials, kill_and_resume, stored
from dse.explore.search import Search
from dse.results import RunFolder, TrialState
from hw.contracts import ConfigError

from .killed import BUDGET, SECONDS, search_toy, start
from .toy import ToyEvaluator

SAMPLERS = ("kiln", "tpe", "nsga2", "random")
TABLES = ("front.csv", "designs.csv", "front.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the tables of a search that was left alone, by sampler."""
    tables = {}
    for sampler in SAMPLERS:
        folder = tmp_path_factory.mktemp(sampler)
        search_toy(folder, sampler)
        tables[sampler] = read_tables(folder)
    return tables


def read_tables(folder):
    return {name: (folder / "run" / name).read_bytes() for name in TABLES}


def run_to_end(*args):
    process = start(*args)
    process.join()
    return process.exitcode


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_ten_kills_at_random_moments_change_nothing(tmp_path, whole, sampler):
    draw = random.Random(f"kills of {sampler}")
    moments = [(draw.choice((0, 1, 1)), draw.uniform(0, 2 * SECONDS)) for _ in range(10)]
    print("killed after", moments)
    running = []

    def begin():
        running.append(start(tmp_path, sampler))
        return lambda: running[-1].exitcode

    def kill():
        running[-1].kill()
        running[-1].join()

    found = kill_and_resume(begin, kill, moments, tmp_path / "run", tmp_path / "cache")
    assert found.lost == found.repeated == 0
    assert found.broken == []
    assert found.kills == 10
    assert len(finished_trials(tmp_path / "run")) == BUDGET
    assert read_tables(tmp_path) == whole[sampler]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_kill_within_any_journal_line_changes_nothing(tmp_path, whole, sampler):
    draw = random.Random(f"lines of {sampler}")
    for _ in range(10):
        line = draw.randint(1, 25)
        assert run_to_end(tmp_path, sampler, line) in (-9, 0), line
    assert run_to_end(tmp_path, sampler) == 0
    assert not broken_files(tmp_path / "run")
    assert read_tables(tmp_path) == whole[sampler]
    assert len(stored(tmp_path / "cache")) <= BUDGET


@pytest.mark.parametrize("most_bytes", [2500, 9000, 15000])
def test_a_full_disk_ends_the_search_and_the_next_one_goes_on(tmp_path, whole, most_bytes):
    assert run_to_end(tmp_path, "kiln", None, most_bytes) == 1
    assert run_to_end(tmp_path, "kiln") == 0
    assert not broken_files(tmp_path / "run")
    assert read_tables(tmp_path) == whole["kiln"]


def test_two_searches_at_once_are_refused_by_name(tmp_path):
    run = RunFolder(tmp_path / "run")
    first = Search(ToyEvaluator(), run, budget=4)
    with pytest.raises(ConfigError, match=r"process \d+ on .* since .*--name"):
        Search(ToyEvaluator(), run, budget=4)
    assert len(list(first)) == 4
    assert len(list(Search(ToyEvaluator(), run, budget=6))) == 2


def test_a_search_that_could_not_start_leaves_the_run_free(tmp_path):
    run = RunFolder(tmp_path / "run")

    def refuse():
        raise ConfigError("another search; give it a name")

    with pytest.raises(ConfigError, match="another search"):
        Search(ToyEvaluator(), run, claim=refuse)
    assert len(list(Search(ToyEvaluator(), run, budget=2))) == 2


class BadTool(ToyEvaluator):
    """A tool that fails at some measurements, until it is mended."""

    def __init__(self, bad) -> None:
        super().__init__()
        self.bad = bad

    def _judgement(self, index, state, violations):
        from dataclasses import replace

        judged = super()._judgement(index, state, violations)
        if len(self.measured) - 1 not in self.bad:
            return judged
        return replace(judged, state=TrialState.FAILED, figures={}, reason="killed", again=True)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_a_tool_failed_is_measured_again(tmp_path, sampler):
    run = RunFolder(tmp_path / "run")
    options = {"sampler": sampler, "budget": 7}
    results = list(Search(BadTool({1, 4}), run, **options))
    failed = {r.number: r.knobs for r in results if r.state is TrialState.FAILED}
    assert set(failed) == {1, 4}

    still_bad = Search(BadTool({1}), run, **options)
    again = list(still_bad)
    assert {r.number: r.knobs for r in again} == failed
    assert [r.state for r in again] == [TrialState.MEASURED, TrialState.FAILED]

    mended = Search(ToyEvaluator(), run, **options)
    assert [r.number for r in mended] == [4]
    assert all(r.state is TrialState.MEASURED for r in mended.results)
    assert not list(Search(ToyEvaluator(), run, **options))


def test_a_design_folder_appears_whole_and_leftovers_go(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.fresh_design(3).__enter__().joinpath("half").write_text("")  # and then it is killed
    assert list((run.path / "designs").iterdir())
    assert not run.design(3).exists()
    run.lease().release()
    assert not list((run.path / "designs").iterdir())
    for text in ("old", "new"):
        with run.fresh_design(3) as folder:
            (folder / text).write_text(text)
    assert [path.name for path in run.design(3).iterdir()] == ["new"]
