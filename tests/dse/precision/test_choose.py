"""The search, on a toy whose best answer is known by trying everything."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dse.precision import Costs, Group, choose, propose
from dse.precision.readings import Reading
from hw.contracts import ConfigError
from sim.quality.assignment import Assignment
from tests.dse.precision.toy import FEW, FORMATS, ToyReader, additive, cheapest, lane_costs


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("limit", [0.002, 0.01, 0.03])
def test_the_best_is_found_where_losses_add_up(seed: int, limit: float) -> None:
    table, costs = additive(seed=seed), lane_costs(seed=seed)
    reader = ToyReader(table)
    found = choose(reader, costs, limit, table, least_gain=0)
    assert found.complete
    assert found.best.cost == pytest.approx(cheapest(reader, costs, limit))
    assert found.best.within(limit)
    assert len(reader.asked) <= len(FORMATS) + 2


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("factor", "bend"), [(1.6, 0.0), (0.5, 0.0), (1.0, 20.0), (0.7, -5.0)])
def test_the_best_is_found_where_they_do_not_quite(seed: int, factor: float, bend: float) -> None:
    table, costs = additive(seed=seed), lane_costs(seed=seed)
    reader = ToyReader(table, factor=factor, bend=bend)
    found = choose(reader, costs, 0.01, table, least_gain=0)
    assert found.complete
    assert found.best.within(0.01)
    assert found.best.cost == pytest.approx(cheapest(reader, costs, 0.01))


def test_mixtures_are_held_against_uniform_formats() -> None:
    table, costs = additive(), lane_costs()
    found = choose(ToyReader(table), costs, 0.01, table)
    uniform = found.best_uniform
    assert uniform is not None
    assert uniform.formats == ("posit8",) * 4
    assert found.gain == pytest.approx(1 - found.best.cost / uniform.cost)
    assert found.gain > 0
    assert found.best.objectives == {"seconds": pytest.approx(found.best.cost)}
    assert found.source == "stand-in"
    costs_on_front = [one.cost for one in found.front]
    assert costs_on_front == sorted(costs_on_front)
    assert found.best in found.front


def test_luck_with_the_text_does_not_pass() -> None:
    table, costs = additive(seed=3), lane_costs(seed=3)
    lucky = ToyReader(table, luck=0.5)
    strict = choose(lucky, costs, 0.01, table, least_gain=0)
    loose = choose(lucky, costs, 0.01, table, least_gain=0, strict=False)
    assert loose.best.cost < strict.best.cost
    assert loose.best.reading.divergence > math.log1p(0.01) >= strict.best.reading.divergence


def test_a_uniform_formats_luck_stays_its_own() -> None:
    class Unlucky(ToyReader):
        def read(self, assignment: Assignment) -> Reading:
            found = super().read(assignment)
            return found if "," in assignment.text else replace(found, loss=3 * found.loss)

    for seed in range(5):
        table, costs = additive(seed=seed), lane_costs(seed=seed)
        reader = Unlucky(table)
        limit = float(np.expm1(table.divergence[:, 0].sum() * 0.95))  # just below int4 everywhere
        found = choose(reader, costs, limit, table, least_gain=0)
        assert found.best.cost == pytest.approx(cheapest(reader, costs, limit))


def test_windows_reach_the_measurement() -> None:
    table = additive()
    reader = ToyReader(table)
    choose(reader, lane_costs(), 0.01, table, window=24)
    assert all("@24" in text for text in reader.asked)


def test_a_measurement_budget_is_kept() -> None:
    table = additive()
    reader = ToyReader(table)
    found = choose(reader, lane_costs(), 0.01, table, most=0)
    assert len(reader.asked) <= len(FORMATS) + 2
    assert not found.complete
    assert found.best.within(0.01)


def test_what_no_format_keeps_is_said() -> None:
    table, costs = additive(), lane_costs()
    reader = ToyReader(table, factor=2.0)
    only = Costs(groups=FEW, formats=("int4",), objectives={"s": costs.total[:, :1]})
    message = (
        r"no assignment .* within 0\.0001 of float64's \(stand-in\); int4 loses least, "
        r"\d+\.\d+%: allow max_perplexity_loss=[\d.]+%, or add a format of more bits"
    )
    with pytest.raises(ConfigError, match=message) as refused:
        choose(reader, only, 0.0001, table)
    allowed = float(str(refused.value).partition("max_perplexity_loss=")[2].partition("%")[0])
    assert choose(reader, only, allowed / 100, table).best.formats == ("int4",) * 4
    with pytest.raises(ConfigError, match=r"limit=0 leaves no room"):
        choose(reader, costs, 0, table)


def test_impossible_formats_are_not_chosen() -> None:
    table = additive()
    seconds = lane_costs().total
    seconds[3, 0] = seconds[0, 1:] = np.inf
    costs = Costs(groups=FEW, formats=FORMATS, objectives={"seconds": seconds})
    found = choose(ToyReader(table), costs, 0.5, table)
    assert found.best.formats[3] != "int4"
    assert found.best.formats[0] == "int4"
    assert found.uniform == ()
    assert found.best_uniform is None
    assert found.gain is None


def test_proposals_need_no_measurement() -> None:
    table, costs = additive(), lane_costs()
    found = propose(costs, table, 0.01)
    assert found is not None
    assert found.cost == pytest.approx(cheapest(ToyReader(table), costs, 0.01))
    assert found.predicted <= math.log1p(0.01)
    tight = propose(costs, table, 0.01, factor=2.0)
    assert tight is not None
    assert tight.cost == pytest.approx(cheapest(ToyReader(table, factor=2.0), costs, 0.01))
    assert propose(costs, table, 1e-9) is None


def test_objectives_are_weighted() -> None:
    work = np.array([[1.0, 2.0], [3.0, 4.0]])
    both = Costs(
        groups=FEW[:2],
        formats=("int4", "bf16"),
        objectives={"seconds": work, "joules": work[::-1]},
        weights={"seconds": 2.0, "joules": 1.0},
    )
    np.testing.assert_allclose(both.total, 2 * work + work[::-1])
    assert both.sums([0, 1]) == {"seconds": 5.0, "joules": 5.0}


def test_costs_may_be_a_mapping() -> None:
    table = {(Group("lm_head"), "int4"): 1.0, (Group("lm_head"), "int8"): 2.0}
    table[Group("qkv", "first"), "int8"] = 3.0
    costs = Costs.of("seconds", table)
    assert costs.total.tolist() == [[1.0, 2.0], [np.inf, 3.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objectives": {"s": np.ones((2, 2))}}, r"objectives\['s'\] is \[2, 2\]; .* \[4, 3\]"),
        ({"objectives": {"s": -np.ones((4, 3))}}, r"costs below 0"),
        ({"objectives": {"s": np.full((4, 3), np.inf)}}, r"can have none of the formats"),
        ({"objectives": {"s": np.ones((4, 3)), "j": np.ones((4, 3))}}, r"minimises nothing"),
        ({"weights": {"x": 1.0}}, r"weights names 'x', which is no objective"),
        ({"weights": {"s": -1.0}}, r"give one above 0, and none below"),
        ({"formats": ("int4", "int4", "int8")}, r"formats=.* names none, or one twice"),
        ({"groups": ()}, r"groups=\(\) names none"),
    ],
)
def test_costs_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    whole: dict[str, object] = {
        "groups": FEW,
        "formats": FORMATS,
        "objectives": {"s": np.ones((4, 3))},
    }
    with pytest.raises(ConfigError, match=message):
        Costs(**(whole | change))  # type: ignore[arg-type]
