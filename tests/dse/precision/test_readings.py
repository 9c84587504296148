"""Readings: taken once, kept in files and in the cache, and never of another model."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from boards.cache import Cache
from dse.precision.groups import GROUPS, Group
from dse.precision.readings import KEPT, Meter, Reading, ReadingFile
from dse.precision.sensitivities import measure_sensitivities
from hw.contracts import ConfigError
from sim.quality.assignment import Assignment
from sim.quality.perplexity import QualityBench
from tests.dse.precision.toy import ToyBench

INT8 = Assignment.parse("int8")


def test_a_reading_is_taken_once(tmp_path: Path) -> None:
    bench, said = ToyBench(), list[str]()
    meter = Meter(bench, cache=Cache(tmp_path), say=said.append)
    assert meter.known(INT8) is None
    first = meter.read(INT8)
    assert first.loss == pytest.approx(0.004)
    assert first.divergence == pytest.approx(0.004)
    assert first.divergence_error == pytest.approx(0.002)
    assert meter.read(INT8) == meter.known(INT8) == first
    assert said == ["measuring int8 on 128 tokens (stand-in)"]
    other = Meter(ToyBench(), cache=Cache(tmp_path))
    assert other.read(INT8) == first
    assert other.measurements == 0
    assert bench.runs == ["int8"]


def test_another_model_is_read_anew(tmp_path: Path) -> None:
    Meter(ToyBench(), cache=Cache(tmp_path)).read(INT8)
    other = ToyBench(model="other")
    Meter(other, cache=Cache(tmp_path)).read(INT8)
    assert other.runs == ["int8"]


def test_other_rules_of_arithmetic_are_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Meter(ToyBench(), cache=Cache(tmp_path)).read(INT8)
    monkeypatch.setattr("dse.precision.readings._rules_digest", lambda: "changed sources")
    again = ToyBench()
    Meter(again, cache=Cache(tmp_path)).read(INT8)
    assert again.runs == ["int8"]


def test_files_hold_one_model(tmp_path: Path) -> None:
    path = tmp_path / "readings.json"
    kept = Meter(ToyBench(), keep=ReadingFile(path)).read(INT8)
    file = ReadingFile(path)
    assert file.get(ToyBench().identity, "int8") == kept
    assert file.get(ToyBench(model="other").identity, "int8") is None
    assert {"model", "text", "tokens", "command", "seed", "date"} <= set(file.head)
    again = Meter(ToyBench(), kept=file)
    assert again.read(INT8) == kept
    assert again.measurements == 0
    Meter(ToyBench(model="other"), keep=file).read(Assignment.parse("int4"))
    assert ReadingFile(path).texts == ["int4"]


def test_missing_errors_are_kept_as_nothing(tmp_path: Path) -> None:
    file = ReadingFile(tmp_path / "readings.json")
    reading = Reading(loss=0.1, loss_error=math.nan, divergence=0.2, divergence_error=math.nan)
    file.add(ToyBench().identity, "int8", reading)
    assert "NaN" not in file.path.read_text()
    found = ReadingFile(file.path).get(ToyBench().identity, "int8")
    assert found is not None
    assert math.isnan(found.loss_error)
    assert found.divergence == 0.2


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "readings.json"
    path.write_text('{"of":')
    with pytest.raises(ConfigError, match=r"damaged .*delete it and run python -m bench\.formats"):
        ReadingFile(path)


def test_windows_that_lose_nothing_are_quires() -> None:
    meter = Meter(ToyBench())
    assert meter.arithmetic("int8", 24).text == "int8"
    assert meter.arithmetic("bf16", 24).text == "bf16@24"


def test_sensitivities_are_resumed(tmp_path: Path) -> None:
    formats, seen = ("int8", "bf16"), list[tuple[int, int]]()
    bench = ToyBench()
    meter = Meter(bench, cache=Cache(tmp_path))
    meter.read(Assignment.parse("float64,qkv.first=int8"))
    table = measure_sensitivities(meter, formats, done=lambda *at: seen.append(at))
    assert len(bench.runs) == 38
    assert seen[-1] == (38, 38)
    assert table.divergence.shape == (19, 2)
    row = table.groups.index(Group("ffn_down", "middle"))
    assert table.divergence[row, 1] == pytest.approx(len("float64,ffn_down.middle=bf16") / 1000)
    assert table.of([Group("lm_head")], ["bf16"]).shape == (1, 1)
    with pytest.raises(ConfigError, match=r"format 'int7' has no sensitivities; did you mean"):
        table.of([Group("lm_head")], ["int7"])


def test_a_base_is_subtracted() -> None:
    meter = Meter(ToyBench())
    table = measure_sensitivities(meter, ["int8"], base="posit8", groups=GROUPS[:2])
    assert table.divergence[0, 0] == pytest.approx(len(",qkv.first=int8") / 1000)
    with pytest.raises(ConfigError, match=r"base='int8,qkv=int4' is a mixture"):
        measure_sensitivities(meter, ["int8"], base="int8,qkv=int4")


def test_wide_windows_are_taken_from_the_quire_unless_measured() -> None:
    bench = ToyBench()
    meter = Meter(bench)
    meter.read(Assignment.parse("float64,qkv.first=bf16@30"))
    measure_sensitivities(meter, ["bf16"], groups=GROUPS[:2], window=30)
    measure_sensitivities(meter, ["bf16"], groups=GROUPS[:1], window=16)
    assert bench.runs == [
        "float64,qkv.first=bf16@30",
        "float64,qkv.middle=bf16",
        "float64,qkv.first=bf16@16",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "float64,lm_head=int6",
        pytest.param(
            "int8>bf16,ffn_down.middle=fp4_e2m1>bf16,ffn_up.last=fp4_e2m1>bf16,"
            "ffn_up.middle=fp4_e2m1>bf16",
            marks=pytest.mark.slow,
        ),
        pytest.param("bf16@27>bf16", marks=pytest.mark.slow),
    ],
)
def test_the_committed_readings_are_what_the_code_measures(text: str) -> None:
    bench = QualityBench.small()
    kept = ReadingFile(KEPT).get(bench.identity, text)
    assert kept is not None
    found = Reading.of(bench.measure(Assignment.parse(text), divergence=True))
    assert found.loss == pytest.approx(kept.loss, abs=1e-6)
    assert found.divergence == pytest.approx(kept.divergence, rel=1e-4)
    assert found.divergence_error == pytest.approx(kept.divergence_error, rel=1e-3)


def test_divergences_are_surer_than_losses() -> None:
    kept = ReadingFile(KEPT).get(QualityBench.small().identity, "float64,lm_head=int6")
    assert kept is not None
    assert kept.divergence_error < kept.loss_error / 3  # why choices are made by divergences
