"""Campaigns: cut anywhere, run by anybody, killed and taken up again, the outcomes are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from boards.frozen import freeze
from hw.contracts import ConfigError
from sim.faults.campaign import Campaign, Store, run_campaign
from sim.faults.campaign import run as runner
from sim.faults.experiment import Experiment, observe
from sim.faults.lanes import LanesEngine
from sim.faults.metrics import PERMANENT, assess, load_rates
from sim.faults.model import find_model
from sim.faults.outcome import MASKED
from sim.faults.sites import KINDS, list_sites
from sim.faults.statistics import Exhaustive, Frame, Plan, Sampled

COUNTERS = """
module counters(input clk, input rst, input [7:0] i_data, input i_valid,
                output reg [7:0] o_data, output reg o_valid);
  reg [7:0] sum, mem [0:15];
  reg [3:0] at;
  always @(posedge clk)
    if (rst) begin sum <= 0; at <= 0; o_valid <= 0; o_data <= 0; end
    else begin
      if (i_valid) begin sum <= sum + i_data; at <= at + 1; mem[at] <= sum; end
      o_valid <= i_valid && at[0];
      o_data <= mem[at ^ 3] ^ sum;
    end
endmodule
"""


@pytest.fixture(scope="module")
def engine() -> LanesEngine:
    netlist = freeze(COUNTERS, "counters")
    rng = np.random.default_rng(0)
    inputs = [
        {"rst": int(c < 2), "i_data": int(rng.integers(256)), "i_valid": int(rng.integers(2))}
        for c in range(60)
    ]
    return LanesEngine(Experiment(netlist, inputs, observe(netlist)))


def campaign(engine: LanesEngine, name: str = "seu", sample: int = 0) -> Campaign:
    model = find_model(name)
    sites = list_sites(engine.experiment.netlist, kinds=model.kinds)
    frame = Frame.of(sites, model.cycles(range(2, 60)))
    plan: Plan = Exhaustive(frame=frame, seed=3)
    if sample:
        plan = Sampled(frame=frame, seed=3, sample=sample)
    return Campaign(sites, plan, model, {"design": "counters"})


def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_SMALL", 50)


class Stopping:
    """An engine that is interrupted after so many parts."""

    name = "stopping"

    def __init__(self, engine: LanesEngine, parts: int) -> None:
        self._engine, self._left = engine, parts

    def trace(self) -> list[dict[str, int]]:
        return self._engine.trace()

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._engine.inject(faults)


@pytest.mark.parametrize(
    "name", ["seu", "memory", "mbu", "set", "stuck0", "stuck1_memory", "intermittent1"]
)
def test_parts_have_the_outcomes_of_the_whole(
    engine: LanesEngine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    asked = campaign(engine, name)
    found = run_campaign(asked, engine, jobs=2)
    whole = engine.inject(asked.faults(np.arange(asked.plan.frame.size)))
    np.testing.assert_array_equal(found.outcomes, whole)
    assert 0 < (found.classes != MASKED).mean() < 1


def test_interrupted_ten_times_the_outcomes_are_the_same(
    engine: LanesEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    asked = campaign(engine, sample=700)
    whole = run_campaign(asked, engine, jobs=1)
    store, interrupted = Store(tmp_path / "kept"), 0
    for _ in range(20):
        try:
            found = run_campaign(asked, Stopping(engine, 1), store=store, jobs=1)
            break
        except KeyboardInterrupt:
            interrupted += 1
    assert interrupted >= 7
    np.testing.assert_array_equal(found.numbers, whole.numbers)
    np.testing.assert_array_equal(found.outcomes, whole.outcomes)


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
def test_a_part_that_was_damaged_is_run_again(
    damage: str, engine: LanesEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    asked, store = campaign(engine), Store(tmp_path)
    first = run_campaign(asked, engine, store=store)
    assert run_campaign(asked, engine, store=store).injected == 0
    path = sorted(tmp_path.glob("part-*"))[2]
    kept = path.read_bytes()
    # The local header of the file in the archive has 30 bytes, and its name.
    path.write_bytes(
        kept[:100] if damage == "cut off" else kept[:60] + bytes(len(kept) - 160) + kept[-100:]
    )
    again = run_campaign(asked, engine, store=store)
    assert 0 < again.injected < first.injected
    np.testing.assert_array_equal(again.outcomes, first.outcomes)


def test_shards_share_a_folder(
    engine: LanesEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    asked, store = campaign(engine), Store(tmp_path)
    parts = [run_campaign(asked, engine, store=store, shard=(at, 3)) for at in range(3)]
    assert [found.is_complete for found in parts] == [False, False, True]
    assert sum(found.injected for found in parts) == asked.plan.frame.size
    alone = run_campaign(asked, engine)
    np.testing.assert_array_equal(parts[-1].outcomes, alone.outcomes)


def test_a_folder_of_another_campaign_is_refused(engine: LanesEngine, tmp_path: Path) -> None:
    run_campaign(campaign(engine, sample=10), engine, store=Store(tmp_path))
    with pytest.raises(ConfigError, match="another campaign: plan differ"):
        run_campaign(campaign(engine, sample=11), engine, store=Store(tmp_path))


def test_patterns_do_not_depend_on_where_a_campaign_is_cut() -> None:
    netlist = freeze(COUNTERS, "counters")
    model = find_model("mbu")
    sites = list_sites(netlist, kinds=model.kinds)
    numbers, cycles = np.arange(100), np.arange(100) % 7
    whole = model.faults(sites, numbers, cycles, seed=1)
    half = model.faults(sites, numbers[50:], cycles[50:], seed=1)
    np.testing.assert_array_equal(whole[50:], half)
    huge = model.faults(sites, numbers, cycles, seed=(1 << 64) + 1)  # any seed that NumPy takes
    np.testing.assert_array_equal(huge, whole)
    shares = np.unique(whole["pattern"], return_counts=True)[1] / 100
    assert len(shares) == 4
    assert 0.4 < shares.max() < 0.8


def test_each_kind_of_site_has_its_rate_once_however_many_stuck_models_there_are(
    engine: LanesEngine,
) -> None:
    names = ("stuck0", "stuck1", "stuck0_memory", "stuck1_memory")
    results = [run_campaign(campaign(engine, name, sample=200), engine, jobs=1) for name in names]
    rates, sites = load_rates(), list_sites(engine.experiment.netlist, kinds=(0, 1, 2))
    parts = assess(results, rates)
    for kind, name in enumerate(KINDS):
        bits = sum(word.bits for word in sites.words if word.kind == kind)
        found = sum(
            fit
            for part in parts
            for stratum, fit in zip(part.tally.strata, part.fit.tolist(), strict=True)
            if stratum.kind == kind
        )
        assert found == pytest.approx(bits * rates.of(PERMANENT, kind).fit_per_cell), name
