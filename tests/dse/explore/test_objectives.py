"""Which way each objective is better: a front of the worst would look like any other."""

from __future__ import annotations

import pytest

from dse.explore.objectives import OBJECTIVES

MORE_IS_BETTER = {"throughput", "tokens-per-joule", "tokens-per-area"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_better_costs_less(name: str) -> None:
    small, large = OBJECTIVES[name].cost([1.0, 2.0])
    assert (large < small) == (name in MORE_IS_BETTER)
