"""Resilience as a rung: area, clock and power are the protected design's, or it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from boards.cache import Cache, Entry
from boards.metrics import Fidelity, Figure, Metrics
from boards.target import load_target
from dse.explore import resilience
from dse.explore.ladder import Climb
from dse.explore.resilience import (
    NotResilientError,
    Resilience,
    find_resilience,
    protected_climb,
)
from hw.contracts import ConfigError
from hw.export import ExportedDesign

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

    def harden(config: Any, asked: Resilience, seed: int) -> Entry:
        calls.append(seed)
        return Entry(payload={"missed": "", "told": TOLD, "files": FILES} | payload)

    monkeypatch.setattr(resilience, "_harden", harden)
    return calls


def test_the_front_has_the_protected_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = hardened(monkeypatch)
    cache = Cache(tmp_path)
    found = protected_climb(None, climb(), Resilience(), seed=3, cache=cache)
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
    assert found.files["protected/kiln_matrix.v"] == FILES["kiln_matrix.v"]
    assert found.files["logs/synthesis.log"] == "log"
    assert protected_climb(None, climb(), Resilience(), seed=3, cache=cache).area == 1750.0
    assert calls == [3]  # the second time it is known
    protected_climb(None, climb(), Resilience(asil="B"), seed=3, cache=cache)
    protected_climb(None, climb(), Resilience(), seed=4, cache=cache)
    assert calls == [3, 3, 4]


def test_a_design_that_cannot_be_protected_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardened(monkeypatch, missed="SPFM of memories is 98.2 %, not 99 %")
    with pytest.raises(NotResilientError, match=r"98\.2 %, not 99 %"):
        protected_climb(None, climb(), Resilience(), seed=0, cache=Cache(tmp_path))


def test_a_quicker_protected_netlist_makes_no_clock_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardened(monkeypatch, told=TOLD | {"period_ns": {"unprotected": 8.0, "protected": 7.0}})
    found = protected_climb(None, climb(), Resilience(), seed=0, cache=Cache(tmp_path))
    assert found.clock_mhz == 125.0


@pytest.mark.parametrize(
    ("asil", "target", "block", "liberty", "match"),
    [
        ("D", "ecpix5-85f", "matrix", None, "--target sky130"),
        ("E", "sky130", "matrix", None, "asil='E' is not known; use B, C, D"),
        ("D", "sky130", "other", None, "block='matrix'"),
        ("D", "sky130", "matrix", "my.lib", r"liberty='my\.lib' with asil='D'"),
    ],
)
def test_refusals(asil: str, target: str, block: str, liberty: str | None, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        find_resilience(asil, load_target(target), block, liberty)


def test_without_an_asil_nothing_is_asked() -> None:
    assert find_resilience(None, load_target("ecpix5-85f"), "matrix", None) is None
    assert find_resilience("d", load_target("sky130"), "matrix", None) == Resilience(asil="D")
