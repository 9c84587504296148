"""Heat maps, patterns of wrong results, and what they do in the small language model."""

from __future__ import annotations

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.faults.metrics import WRONG, Pattern, Patterns, grids, harvest, single_bits
from sim.faults.metrics.heat import _place
from sim.faults.metrics.replay import replay
from sim.faults.outcome import MASKED, SDC, VIOLATION
from sim.faults.sites import FLOP, Sites, Word
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import Assignment
from sim.quality.perplexity import QualityBench


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("core.array.row_1.pe_2.sum", ("core.array.pe", (1, 2))),
        ("row_3.pe_0.a", ("pe", (3, 0))),
        ("mesh.pe_r2_c11.acc", ("mesh.pe", (2, 11))),
        ("mesh.pe_row2_col11.acc", ("mesh.pe", (2, 11))),
        ("g.rows[4].cols[5].acc", ("g.cols", (4, 5))),
        ("pe_7_8.acc", ("pe", (7, 8))),
        ("core.array.row_1.a", None),
        ("fifo.count", None),
        ("core.array.skew8_0.late", None),
    ],
)
def test_names_tell_places(name, place):
    assert _place(name) == place


def test_grid_counts_words_by_their_bits():
    words = [
        Word(f"array.row_{r}.pe_{c}.{name}", FLOP, 0, bits, 1, "$dff", "x")
        for r in (0, 1) for c in (0, 1) for name, bits in (("sum", 3), ("a", 1))
    ]  # fmt: skip
    sites = Sites((*words, Word("control", FLOP, 9, 2, 1, "$dff", "y")))
    numbers = np.array([0, 1, 2, 3, 4, 4, 7, 8, 16])
    classes = np.array([SDC, SDC, MASKED, MASKED, VIOLATION, MASKED, SDC, SDC, SDC], np.uint8)
    (grid,) = grids(sites, numbers, classes)
    assert (grid.name, grid.rows, grid.columns) == ("array.pe", 2, 2)
    assert [(c.row, c.column, c.drawn) for c in grid.cells] == [(0, 0, 4), (0, 1, 3), (1, 0, 1)]
    assert [c.avf for c in grid.cells] == [0.5, (3 * 0.5 + 1) / 4, 1.0]
    assert [c.sites for c in grid.cells] == [4, 4, 3]


def record(*rows):
    return np.array(list(rows), dtype=WRONG)


def in_order(beats, fields):
    return beats, fields


def test_patterns_hold_places_bits_and_errors():
    wrong = record(
        (7, 1, 0, 5, 4), (2, 0, 3, -1, 1), (7, 1, 2, 8, 8), (7, 2, 2, 8, -8), (9, 9, 0, 1, 2)
    )
    found = harvest(wrong, in_order, bits=8, rows=4, columns=4, weights=np.arange(10.0))
    assert [p.words for p in found.patterns] == [1, 2]
    assert found.patterns[0].xor.tolist() == [0b11111110]
    assert found.patterns[1].rows.tolist() == [1, 2]
    assert found.patterns[1].difference.tolist() == [-1, -16]
    assert found.patterns[1].wrong_bits == 1 + 4
    assert found.weights.tolist() == pytest.approx([2 / 9, 7 / 9])
    assert found.share_of(lambda p: p.words > 1) == pytest.approx(7 / 9)


def test_no_wrong_result_leaves_nothing_to_replay():
    none = harvest(record(), in_order, bits=8, rows=4, columns=4)
    with pytest.raises(ConfigError, match="nothing to replay"):
        replay(BENCH, INT8, none, trials=1)


BENCH = QualityBench.small(limit=32)
INT8 = Arithmetic(format="int8")


def one(xor=0, difference=0, at=((0, 0),), bits=32):
    rows, columns = np.array(at, np.int64).T
    same = np.ones(len(at), np.int64)
    return Patterns((Pattern(rows, columns, xor * same, difference * same),), bits, 8, 8)


def test_a_pattern_that_changes_nothing_changes_nothing():
    found = replay(BENCH, INT8, one(), trials=4, window=12)
    assert all(c.changed == 0 and c.loss == 0 for c in found.consequences)
    short = QualityBench.small(limit=12)
    reference = short.measure(Assignment(default=INT8))
    assert found.perplexity == pytest.approx(reference.perplexity, rel=1e-12)


def test_high_bits_hurt_and_low_bits_do_not():
    low = replay(BENCH, INT8, one(xor=1), trials=12, window=12)
    high = replay(BENCH, INT8, one(xor=1 << 30), trials=12, window=12)
    assert low.tokens_changed < high.tokens_changed
    assert abs(low.mean_loss) < 0.02 < high.mean_loss
    assert high.token_changes[1] < high.token_changes[0] <= high.token_changes[2]


def test_two_inversions_are_none():
    twice = one(xor=1 << 20, at=((0, 0), (0, 0)))
    found = replay(BENCH, INT8, twice, trials=3, window=12)
    assert {c.words for c in found.consequences} == {2}


def test_differences_are_added_in_twos_complement():
    whole = replay(BENCH, INT8, one(difference=1 << 32), trials=6, window=12, mode="difference")
    assert all(c.loss == 0 for c in whole.consequences)
    some = replay(BENCH, INT8, one(difference=1 << 30), trials=6, window=12, mode="difference")
    assert any(c.loss != 0 for c in some.consequences)


def test_equal_seeds_give_equal_consequences():
    bits = single_bits(32, 8, 8)
    first = replay(BENCH, INT8, bits, trials=5, seed=3, window=12)
    assert replay(BENCH, INT8, bits, trials=5, seed=3, window=12) == first
    assert replay(BENCH, INT8, bits, trials=5, seed=4, window=12) != first


@pytest.mark.parametrize(
    ("arithmetic", "options", "message"),
    [
        (Arithmetic(format="bf16"), {}, "has no integer results"),
        (Arithmetic(format="int8", window=24), {}, "has no integer results"),
        (INT8, {"mode": "or"}, "mode='or'"),
        (INT8, {"trials": 0}, "trials=0"),
    ],
)
def test_refusals(arithmetic, options, message):
    with pytest.raises(ConfigError, match=message):
        replay(BENCH, arithmetic, one(xor=1), **{"trials": 1, **options})
