"""Resilience as a rung: area, clock and power are the protected design's, or it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from boards.cache import Cache, Entry
from boards.flows import synthesis, used
from boards.frozen import freeze
from boards.metrics import Fidelity, Figure, Metrics
from boards.protect import ManifestError, Plan, protect
from boards.target import Target, load_target
from dse.explore import resilience
from dse.explore.ladder import Climb, measure_clock
from dse.explore.resilience import (
    NotResilientError,
    Resilience,
    find_resilience,
    protected_climb,
)
from hw.contracts import ConfigError
from hw.export import ExportedDesign, ExportedModule

TOLD = {
    "variant": "checksum='row'",
    "injections": 200_000,
    "area_um2": {
        "unprotected": 1000.0,
        "protected": 1200.0,
        "added_share": 0.2,
        "memories_unprotected": 500.0,
        "memories_protected": 550.0,
    },
    "period_ns": {"unprotected": 8.0, "protected": 8.2},
    "after": [
        {"name": "SPFM", "group": "flops and logic", "value": 0.9999, "bound": 0.9991},
        {"name": "PMHF", "group": "both", "value": 0.0, "bound": 0.02},
    ],
}
FILES = {"kiln_matrix.v": "module kiln_matrix; endmodule\n"}
PORTS = [["clk", 1, True], ["d", 8, True], ["q", 8, False], ["y", 8, False]]
SKY130 = load_target("sky130")


def climb() -> Climb:
    names = {
        "engine_cell_area_um2_measured": 990.0,
        "engine_macro_area_um2_estimated": 500.0,
        "engine_area_um2_estimated": 1490.0,
        "clock_mhz_modelled": 125.0,
        "power_mw_modelled": 10.0,
    }
    figures = {
        name: Figure(value=value, unit="", fidelity=Fidelity(name.rpartition("_")[2]))
        for name, value in names.items()
    }
    design = ExportedDesign(top="kiln_matrix", modules=(), ports=(), config=None)
    return Climb(
        design=design, metrics=Metrics(figures), area=1490.0, clock_mhz=125.0, power_mw=10.0,
        causes={}, files={"logs/synthesis.log": "log"},
    )  # fmt: skip


def hardened(monkeypatch: pytest.MonkeyPatch, **payload: Any) -> list[int]:
    calls: list[int] = []

    def harden(config: Any, asked: Resilience, seed: int, has_blocks: bool) -> Entry:
        calls.append(seed)
        made = {"missed": "", "told": TOLD, "files": FILES, "ports": PORTS, "config": "rows = 4\n"}
        return Entry(payload=made | payload)

    monkeypatch.setattr(resilience, "_harden", harden)
    return calls


def test_the_front_has_the_protected_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = hardened(monkeypatch)
    cache = Cache(tmp_path)
    found = protected_climb(None, climb(), Resilience(), SKY130, seed=3, cache=cache)
    assert found.area == 1750.0
    assert found.clock_mhz == pytest.approx(125 * 8.0 / 8.2)
    assert found.power_mw == pytest.approx(10 * 1.2 * 8.0 / 8.2)
    metrics = found.metrics
    assert metrics["engine_area_um2_estimated"].value == 1750.0
    assert metrics["unprotected_engine_area_um2_estimated"].value == 1490.0
    assert "ASIL D, checksum='row'" in metrics["clock_mhz_modelled"].conditions
    assert metrics["flops_and_logic_spfm_lower_bound_measured"].value == 0.9991
    assert metrics["pmhf_upper_bound_fit_measured"].unit == "FIT"
    assert metrics["protection_added_cell_area_measured"].value == 0.2
    assert found.files["protected/verilog/kiln_matrix.v"] == FILES["kiln_matrix.v"]
    assert found.files["logs/synthesis.log"] == "log"
    assert protected_climb(None, climb(), Resilience(), SKY130, seed=3, cache=cache).area == 1750.0
    assert calls == [3]  # the second time it is known
    protected_climb(None, climb(), Resilience(asil="B"), SKY130, seed=3, cache=cache)
    protected_climb(None, climb(), Resilience(), SKY130, seed=4, cache=cache)
    assert calls == [3, 3, 4]


def test_a_design_that_cannot_be_protected_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardened(monkeypatch, missed="SPFM of memories is 98.2 %, not 99 %")
    with pytest.raises(NotResilientError, match=r"98\.2 %, not 99 %"):
        protected_climb(None, climb(), Resilience(), SKY130, seed=0, cache=Cache(tmp_path))


def test_a_quicker_protected_netlist_makes_no_clock_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardened(monkeypatch, told=TOLD | {"period_ns": {"unprotected": 8.0, "protected": 7.0}})
    found = protected_climb(None, climb(), Resilience(), SKY130, seed=0, cache=Cache(tmp_path))
    assert found.clock_mhz == 125.0


@pytest.mark.parametrize(
    ("asil", "block", "liberty", "match"),
    [
        ("E", "matrix", None, "asil='E' is not known; use B, C, D"),
        ("D", "other", None, "block='matrix'"),
        ("D", "matrix", "my.lib", r"liberty='my\.lib' with asil='D'"),
    ],
)
def test_refusals(asil: str, block: str, liberty: str | None, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        find_resilience(asil, block, liberty)


def test_without_an_asil_nothing_is_asked() -> None:
    assert find_resilience(None, "matrix", None) is None
    assert find_resilience("d", "matrix", None) == Resilience(asil="D")


def plain_climb(design: ExportedDesign, target: Target, cache: Cache) -> Climb:
    """Return what is known of an unprotected design on an FPGA."""
    area = synthesis(design, target, cache=cache)
    clock, _ = measure_clock(design, area, target, seed=0, cache=cache)
    watts = {
        "power_mw_estimated": 100.0,
        "static_power_mw_estimated": 60.0,
    }
    power = {n: Figure(value=v, unit="mW", fidelity=Fidelity.ESTIMATED) for n, v in watts.items()}
    return Climb(
        design=design, metrics=area.metrics | clock | power,
        area=used(area.metrics, "lut"), clock_mhz=clock.value("clock_mhz_measured"), power_mw=100.0,
        causes={}, files={},
    )  # fmt: skip


SMALL = """module kiln_matrix(input clk, input [7:0] d, output reg [7:0] q, output [7:0] y);
always @(posedge clk) q <= d + q; assign y = ~q; endmodule"""


def small(text: str = SMALL) -> ExportedDesign:
    module = ExportedModule(name="kiln_matrix", verilog=text, count=1, children={})
    return ExportedDesign(top="kiln_matrix", modules=(module,), ports=(), config=None)


def protected_files() -> tuple[dict[str, str], list[list[Any]]]:
    made = protect(freeze(SMALL, "kiln_matrix"), Plan(flops={"": "tmr"}))
    ports = [[port.name, len(port.bits), port.is_input] for port in made.netlist.ports]
    return {"kiln_matrix.v": made.verilog, "manifest.json": made.manifest.to_json()}, ports


def test_on_an_fpga_area_and_clock_are_the_protected_designs_and_redundancy_is_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, target = Cache(tmp_path), load_target("ecpix5-85f")
    files, ports = protected_files()
    hardened(monkeypatch, files=files, ports=ports)
    before = plain_climb(small(), target, cache)
    found = protected_climb(None, before, Resilience(), target, seed=0, cache=cache)
    metrics = found.metrics
    assert metrics["engine_ff_measured"].value == 24 + 1
    assert metrics["unprotected_engine_ff_measured"].value == 8
    assert metrics["protection_added_ff_measured"].value == pytest.approx(25 / 8 - 1)
    assert found.area == metrics["engine_lut_measured"].value > before.area
    assert found.clock_mhz == metrics["clock_mhz_measured"].value
    assert metrics["clock_mhz_measured"].fidelity is Fidelity.MEASURED
    share = found.area / before.area * found.clock_mhz / before.clock_mhz
    assert found.power_mw == pytest.approx(60 + 40 * share)
    told = metrics["flops_and_logic_spfm_lower_bound_measured"].conditions
    assert "configuration memory" in told
    counted = json.loads(found.files["protected/counted.json"])["manifest"]
    assert counted["synthesis"]["flops"] == counted["routing, seed 1"]["flops"] == 25
    assert found.files["protected/verilog/kiln_matrix.v"] == files["kiln_matrix.v"]


def test_a_replica_that_synthesis_merges_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, target = Cache(tmp_path), load_target("ecpix5-85f")
    files, ports = protected_files()
    bare = files["kiln_matrix.v"].replace("(* keep *)", "")
    hardened(monkeypatch, files={**files, "kiln_matrix.v": bare}, ports=ports)
    before = plain_climb(small(), target, cache)
    with pytest.raises(
        ManifestError, match=r"synthesis of kiln_matrix removed .*tmr2: 24 flip-flops wanted, 0"
    ):
        protected_climb(None, before, Resilience(), target, seed=0, cache=cache)


def test_a_protected_design_larger_than_the_board_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, target = Cache(tmp_path), load_target("ecpix5-85f")
    files, ports = protected_files()
    hardened(monkeypatch, files=files, ports=ports)
    before = plain_climb(small(), target, cache)
    tight = replace(target, budget={**target.budget, "ff": 20}, reserve={})
    with pytest.raises(NotResilientError, match="it takes 25 ff of 20 that ecpix5-85f has"):
        protected_climb(None, before, Resilience(), tight, seed=0, cache=cache)


@pytest.mark.parametrize(
    ("family", "asil", "said"),
    [("ecp5", "D", "configuration memory"), ("sky130", "D", ""), ("ecp5", "", "")],
)
def test_what_is_not_counted_on_an_fpga_is_said(family: str, asil: str, said: str) -> None:
    from dse.cli.front import _asil

    info = {
        "target": {"name": "board", "family": family},
        **({"asil": {"asil": asil}} if asil else {}),
    }
    told = _asil(SimpleNamespace(info=info))  # type: ignore[arg-type]
    assert said in told
    assert bool(told) == bool(said)
