"""Clock: placed and routed for real, under conditions that the figure states."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from boards.cache import Cache
from boards.flows import median_clock, route, synthesize
from boards.flows.harness import harness
from boards.metrics import Fidelity, Figure, Metrics
from boards.target import load_target
from hw.contracts import ConfigError
from hw.export import ExportedDesign, export
from hw.matrix import MatrixConfig


@pytest.mark.parametrize("name", ["ecpix5-85f", "icebreaker"])
def test_a_design_is_routed(design: ExportedDesign, cache: Cache, name: str) -> None:
    target = load_target(name)
    metrics = route(design, target, seed=3, cache=cache)
    clock = metrics["clock_mhz_measured"]
    assert 20 < clock.value <= target.clock.max_mhz
    assert (clock.fidelity, clock.seed) == (Fidelity.MEASURED, 3)
    assert "--seed 3; one seed" in clock.conditions
    area = synthesize(design, target, cache=cache)
    for block in ("dsp", "bram"):
        assert metrics.value(f"routed_{block}_measured") == area.value(f"engine_{block}_measured")


def test_logic_that_is_placed_is_what_synthesis_counted(
    design: ExportedDesign, cache: Cache
) -> None:
    target = load_target("ecpix5-85f")
    metrics, area = (
        route(design, target, seed=3, cache=cache),
        synthesize(design, target, cache=cache),
    )
    assert metrics.value("routed_ff_measured") == area.value("engine_ff_measured")
    assert metrics.value("routed_lut_measured") == pytest.approx(
        area.value("engine_lut_measured"), rel=0.02
    )


def test_a_target_without_an_open_router_says_so(design: ExportedDesign, cache: Cache) -> None:
    with pytest.raises(ConfigError, match="no open router; leave out the rung"):
        route(design, load_target("alveo-u55c"), cache=cache)


def test_a_design_larger_than_the_part_is_refused(design: ExportedDesign, cache: Cache) -> None:
    target = load_target("icebreaker")
    small = replace(target, budget={**target.budget, "dsp": 1}, reserve={})
    with pytest.raises(ConfigError, match="takes 2 dsp, icebreaker has 1; choose fewer rows"):
        route(design, small, cache=cache)


def test_the_harness_reaches_every_bit(design: ExportedDesign) -> None:
    text = harness(design)
    assert len(re.findall(r"SB_DFF x\d+ ", text)) == 1 + 9 + 16
    assert len(re.findall(r"SB_LUT4 ", text)) == -(-64 // 3)
    for line in (".aclk(clk)", ".we(x[1:1])", ".at(x[10:2])", ".i(x[26:11])", ".y(y[63:32])"):
        assert line in text


def _routed(value: float, seed: int) -> Metrics:
    figure = Figure(
        value=value,
        unit="MHz",
        fidelity=Fidelity.MEASURED,
        seed=seed,
        conditions=f"--85k --freq 100 --seed {seed}; one seed; limited by the clock network",
    )
    return Metrics(clock_mhz_measured=figure)


def test_the_median_of_seeds_is_marked_and_their_spread_is_kept() -> None:
    found = median_clock([_routed(120, 1), _routed(100, 2), _routed(110, 3)])
    clock = found["clock_mhz_measured"]
    assert (clock.value, clock.seed) == (110, 3)
    shared = "--85k --freq 100; limited by the clock network"
    spread = "2 (100.0 MHz), 3 (110.0 MHz), 1 (120.0 MHz)"
    assert clock.conditions == f"{shared}; median of seeds {spread}"
    ends = [found[f"clock_{end}_mhz_measured"] for end in ("min", "max")]
    assert [(end.value, end.seed) for end in ends] == [(100, 2), (120, 1)]
    assert ends[0].conditions == f"{shared}; lowest of seeds"


def test_one_seed_stays_marked_as_one() -> None:
    only = _routed(120, 1)
    assert median_clock([only]) == only


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecpix5-85f", "icebreaker"])
def test_a_matrix_engine_is_placed_as_synthesised(cache: Cache, name: str) -> None:
    target, design = load_target(name), export(MatrixConfig(rows=2, cols=2, a_depth=64, b_depth=64))
    metrics, area = route(design, target, cache=cache), synthesize(design, target, cache=cache)
    for block in ("lut", "ff", "dsp", "bram"):
        if (placed := metrics.get(f"routed_{block}_measured")) is not None:
            counted = area.value(f"engine_{block}_measured")
            assert placed.value == pytest.approx(counted, rel=0.01), block
