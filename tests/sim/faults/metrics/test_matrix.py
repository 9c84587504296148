"""Harvesting from the engine: the numbers of its outcomes, at their places in the tile."""

from __future__ import annotations

import numpy as np
import pytest

from hw.contracts import ConfigError
from hw.matrix import MatrixConfig
from sim.faults.fault import exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.lanes.engine import VALUE
from sim.faults.metrics.matrix import matrix_patterns, wrong_numbers
from sim.faults.sites import list_sites
from tests.sim.faults.experiments import matrix

CONFIG = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16, result_rows=4)
SHAPE = (2, 8, 2)


def test_pieces_become_numbers():
    values = np.array(
        [
            (5, 3, 1, 0, 0x00000002_FFFFFFFF, 0x00000002_00000001),
            (6, 4, 1, 1, 7, 7 << 32),
            (6, 9, 1, 0, 1, 2),  # does not count
            (7, 3, 0, 0, 1, 2),  # another output
        ],
        dtype=VALUE,
    )
    counts = np.isin(np.arange(10), (1, 3, 4))
    found = wrong_numbers(values, 1, counts, field_bits=32)
    assert found.tolist() == [(5, 1, 0, -1, 1), (6, 2, 2, 7, 0), (6, 2, 3, 0, 7)]
    unsigned = wrong_numbers(values, 1, counts, field_bits=32, signed=False)
    assert unsigned["want"][0] == 2**32 - 1
    with pytest.raises(ConfigError, match="field_bits=24"):
        wrong_numbers(values, 1, counts, field_bits=24)


def test_patterns_hold_every_wrong_bit_of_the_outcomes():
    experiment = matrix(CONFIG, SHAPE)
    engine = LanesEngine(experiment)
    sites = list_sites(experiment.netlist)
    faults = exhaustive(sites, range(8, 12))
    found = matrix_patterns(engine, faults, CONFIG, CONFIG.plan(*SHAPE))
    outcomes = engine.inject(faults)
    results = [port for port in experiment.observation.data if port.port == "m_axis_tdata"]
    assert (found.rows, found.columns, len(results)) == (2, 2, 1)
    assert len(found.patterns) == pytest.approx(int((outcomes["beats"] > 0).sum()), rel=0.05)
    assert sum(p.wrong_bits for p in found.patterns) <= int(outcomes["bits"].sum())
    assert all(p.rows.min() >= 0 and p.rows.max() < 2 for p in found.patterns)


def test_an_accumulators_upset_is_one_bit_of_its_own_result():
    experiment = matrix(CONFIG, SHAPE)
    engine = LanesEngine(experiment)
    sites = list_sites(experiment.netlist)
    trace = engine.trace()
    first = next(t for t, step in enumerate(trace) if step["m_axis_tvalid"])
    names = [word.name for word in sites.words]
    stage = [n for n in names if "stage" in n or "column" in n]
    assert stage, names
    faults = exhaustive(sites, range(first - 3, first))
    found = matrix_patterns(engine, faults, CONFIG, CONFIG.plan(*SHAPE))
    single = [p for p in found.patterns if p.words == 1 and p.wrong_bits == 1]
    assert len(single) > 64
    for pattern in single:
        (bit,) = pattern.xor.tolist()
        assert abs(int(pattern.difference[0])) == bit or bit == 1 << 31
    places = {(int(p.rows[0]), int(p.columns[0])) for p in single}
    assert places <= {(r, c) for r in (0, 1) for c in (0, 1)}
    assert len(places) >= 2
