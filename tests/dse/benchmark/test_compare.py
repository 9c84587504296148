"""Samplers on the sub-space that was measured whole: the table, its truth, and who finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dse.benchmark.compare import Truth, compare, interval
from dse.benchmark.picture import check_picture, write_picture
from dse.benchmark.subspace import SUBSPACE, main, read_table
from dse.explore.pareto import hypervolume
from hw.contracts import ConfigError, KilnError


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth()


def test_every_design_of_the_sub_space_is_in_the_table() -> None:
    rows = read_table()
    assert sorted(rows) == list(range(len(SUBSPACE)))
    assert len({row["digest"] for row in rows.values()}) == len(SUBSPACE)
    assert all(SUBSPACE.decode(SUBSPACE.point(index)).macs_per_cycle <= 16 for index in rows)


def test_nothing_is_measured_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().err == ""


def test_an_incomplete_table_is_refused_with_the_command_that_mends_it() -> None:
    rows = read_table()
    del rows[3]
    with pytest.raises(KilnError, match=r"335 of 336 .* `python -m dse\.benchmark\.subspace`"):
        Truth(rows)


def test_the_gap_shrinks_to_nothing_when_the_whole_front_is_measured(truth: Truth) -> None:
    gaps = truth.gaps([*np.flatnonzero(~truth.front)[:20], *np.flatnonzero(truth.front)])
    assert (np.diff(gaps) <= 1e-12).all()
    assert gaps[-1] == pytest.approx(0.0, abs=1e-12)
    assert gaps[0] > 0.5


def test_the_hypervolume_of_the_front_is_that_of_all_designs(truth: Truth) -> None:
    assert hypervolume(truth.costs, truth.reference) == pytest.approx(truth.hypervolume)


def test_kilns_sampler_finds_nearly_all_of_the_front_in_a_fifth_of_the_space(truth: Truth) -> None:
    budget = min(2 * truth.front_size, len(SUBSPACE) // 5)
    ours, chance = compare(truth, ["kiln", "random"], seeds=2, budget=budget)
    assert ours.gaps.shape == (1, budget)
    assert ours.final[0] <= 0.02
    assert ours.final[0] <= chance.final.mean() / 3


def test_a_seed_says_what_is_drawn(truth: Truth) -> None:
    first, again = (next(compare(truth, ["random"], seeds=2, budget=8)).gaps for _ in range(2))
    assert (first == again).all()
    assert (first[0] != first[1]).any()


def test_a_point_that_is_asked_for_again_costs_nothing(truth: Truth) -> None:
    # Most of the space: random draws hit what is known over and over.
    found = next(compare(truth, ["random"], seeds=1, budget=200))
    assert found.gaps.shape == (1, 200)
    assert found.final[0] < 0.05


def test_the_interval_is_that_of_student() -> None:
    mean, half = interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, half) == (2.0, pytest.approx(4.302653 / 3**0.5))
    assert interval(np.array([5.0])) == (5.0, 0.0)


def test_curves_are_drawn_as_png_or_svg_only(truth: Truth, tmp_path: Path) -> None:
    found = list(compare(truth, ["kiln"], seeds=1, budget=2))
    write_picture(found, tmp_path / "curves.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text("utf-8")
    with pytest.raises(ConfigError, match=r"neither \.png nor \.svg"):
        check_picture(tmp_path / "curves.pdf")
