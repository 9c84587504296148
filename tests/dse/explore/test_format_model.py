"""The model of engines with formats says what the system model says of each design by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dse
from boards.power import Buffer, energy_model
from boards.target import load_target
from dse.explore.format_model import FormatModel, _columns
from dse.explore.formats import FormatSearch, format_space, prepare_formats
from dse.explore.limits import Limits
from dse.explore.model import engine_duty
from dse.explore.objectives import find_objectives, of_the_model_itself
from dse.precision import GROUPS, FormatPlan, Reading
from dse.precision.plans import assigned_trace, stored_bytes
from dse.workloads import Workload, load_workload
from hw.contracts import ConfigError, SearchSpace
from hw.matrix import MIXED_SPACE, mixed_config
from sim.system import config_columns
from surrogates.mixed import known_groups, predict_mixed
from tests.sim.quality.reference import random_weights, write_model

TARGET = load_target("ecpix5-85f")


def plan(workload: Workload, formats: str, loss: float) -> FormatPlan:
    names = formats.split("+")
    groups = {group: names[at % len(names)] for at, group in enumerate(GROUPS)}
    trace = assigned_trace(workload, groups)
    return FormatPlan(
        formats=formats,
        trace=trace,
        stored_bytes=stored_bytes(workload, trace, groups),
        groups={group.name: name for group, name in groups.items()},
        assignment=formats,
        reading=Reading(loss=loss, loss_error=0.001, divergence=loss, divergence_error=0.001),
        source="stand-in",
    )


@pytest.fixture(scope="module")
def searched() -> tuple[FormatModel, SearchSpace[Any], FormatSearch]:
    workload = load_workload("gpt2")
    assert isinstance(workload, Workload)
    found = FormatSearch(
        plans=(plan(workload, "int8", 0.01), plan(workload, "fp4_e2m1+int8", 0.013)),
        left_out={"int4": "because"},
        pipelines=(2,),
        limit=0.02,
        about={"tokens": 4096},
    )
    fixed = {"a_depth": (512, 2048), "b_depth": (512, 4096)}
    space = format_space(found, workload.trace(), fixed)
    return found.model(space, workload.trace(), TARGET, Limits()), space, found


def test_columns_are_those_of_the_configurations(searched: Any) -> None:
    _, space, _ = searched
    columns = _columns(space)
    for index in (0, 7, len(space) // 2, len(space) - 1):
        own = config_columns([space.decode(space.point(index))])
        assert {name: values[index] for name, values in columns.items()} == {
            name: values[0] for name, values in own.items()
        }


@pytest.mark.parametrize("seed", range(4))
def test_latency_is_that_of_the_design_by_itself(searched: Any, seed: int) -> None:
    model, space, _ = searched
    points = np.random.default_rng(seed).integers(0, len(space), 3)
    figures = {name: values[points] for name, values in model.figures.items()}
    found = model.quantities(points, figures)
    for at, point in enumerate(points):
        config = space.decode(space.point(int(point)))
        alone = model.causes(config, float(figures["clock_mhz"][at]))
        assert found["latency_ms"][at] == pytest.approx(alone["latency_ms"], rel=2e-3)
        assert found["tpot_ms"][at] == pytest.approx(alone["tpot_ms"], rel=2e-3)
        share = model.plan(config).reading.increase
        assert found["stand_in_perplexity_ratio"][at] == 1 + share
        (name, figure), *more = model.quality_figures(config).items()
        assert (name, figure.value) == ("stand_in_perplexity_ratio_measured", 1 + share)
        assert not more


def test_a_mixture_is_faster_than_its_wide_format(searched: Any) -> None:
    model, space, _ = searched
    half = len(space) // 2
    point = {name: knob.values[-1] for name, knob in space.knobs.items()}
    point |= {"rows": 8, "cols": 8}
    mixed = space.index({**point, "formats": "fp4_e2m1+int8"})
    plain = space.index({**point, "formats": "int8"})
    assert plain < half <= mixed
    both = np.array([plain, mixed])
    same = {"clock_mhz": np.full(2, 100.0), "area": np.ones(2), "power_mw": np.ones(2)}
    latency = model.quantities(both, same)["latency_ms"]
    assert latency[1] < latency[0]


def test_accumulators_hold_the_longest_dot_product(searched: Any) -> None:
    _, space, found = searched
    config = space.decode(space.point(0))
    assert config.length == 4096
    longer = load_workload("llama-2-7b")
    assert isinstance(longer, Workload)
    wide = format_space(found, longer.trace(), {})
    assert wide.decode(wide.point(0)).length == 16384


def test_run_record_and_notes_say_whose_quality_it_is(searched: Any) -> None:
    _, _, found = searched
    assert found.entry["source"] == "stand-in"
    assert found.entry["plans"]["int8"]["perplexity_increase"] == pytest.approx(0.01005, abs=1e-5)
    notes = "\n".join(found.notes)
    assert "a stand-in for this one" in notes
    assert "left out, int4: because" in notes


def test_what_nobody_measured_is_not_predicted() -> None:
    space = SearchSpace(partial(mixed_config), MIXED_SPACE.knobs)
    columns = config_columns([space.decode(space.point(0))])
    with pytest.raises(Exception, match=r"nothing is known about formats int9/2 on ecp5; measure"):
        predict_mixed("int9/2", columns, "ecp5")
    assert not known_groups("ice40")


@pytest.mark.parametrize("group", sorted(known_groups("ecp5")))
def test_predictions_grow_with_the_array(group: str) -> None:
    formats, _, pipeline = group.rpartition("/")
    small, large = (
        mixed_config(
            formats=formats, rows=n, cols=n, multiplier="dsp", pipeline=int(pipeline),
            a_depth=1024, b_depth=1024, banks=1,
        )
        for n in (4, 8)
    )  # fmt: skip
    few, many = (predict_mixed(group, config_columns([c]), "ecp5") for c in (small, large))
    assert 2 < many["lut"][0] / few["lut"][0] < 4.2
    assert 0.85 < many["clock_mhz"][0] / few["clock_mhz"][0] < 1
    assert 60 < few["clock_mhz"][0] < 260


def test_formats_need_a_model(tmp_path: Any) -> None:
    gemms = tmp_path / "gemms.csv"
    gemms.write_text("m,k,n\n8,8,8\n")
    with pytest.raises(ConfigError, match="is a list of GEMMs"):
        dse.search(gemms, formats="all", runs_dir=tmp_path)
    with pytest.raises(ConfigError, match="needs number formats"):
        dse.search("gpt2", objectives=("perplexity",), runs_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"on sky130; measure some with .*--family sky130"):
        dse.search("gpt2", "sky130", formats="all", runs_dir=tmp_path)
    with pytest.raises(ConfigError, match="weights and text go together"):
        dse.search("gpt2", formats="int8", weights="w.safetensors", runs_dir=tmp_path)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("that is the path of the moth. " * 5)
    weights = write_model(tmp_path, random_weights(layers=12), heads=12)
    said = r"not those of gpt2 \(hidden 32 and 768, vocab 300 and 50257\); give its own"
    with pytest.raises(ConfigError, match=said):
        dse.search("gpt2", formats="int8", weights=weights, text=text, runs_dir=tmp_path)


def test_what_does_not_fit_is_a_violation(searched: Any) -> None:
    model, space, _ = searched
    points = np.arange(len(space))
    quantities = model.quantities(points, model.figures)
    found = model.violations(points, quantities)
    room = TARGET.available
    np.testing.assert_allclose(found["area"], np.log(model.figures["area"] / room["lut"]))
    np.testing.assert_allclose(
        found["dsp"], np.log((model.predicted["dsp"] + 1) / (room["dsp"] + 1))
    )
    for plan_of in model._order:
        here = points[[space.point(int(p))["formats"] == plan_of.formats for p in points]]
        fill = plan_of.stored_bytes / TARGET.memory.capacity_bytes
        np.testing.assert_allclose(quantities["memory_fill"][here], fill)
        np.testing.assert_allclose(found["memory"][here], np.log(fill))
    assert (model.figures["clock_mhz"] <= TARGET.clock.max_mhz).all()
    np.testing.assert_allclose(model.figures["clock_mhz"], model.predicted["clock_mhz"])


def test_power_is_that_of_the_energy_model(searched: Any) -> None:
    model, space, _ = searched
    index = space.index({**space.point(0), "rows": 8, "cols": 8})
    points = np.array([index])
    figures = {name: values[points] for name, values in model.figures.items()}
    timed = model.quantities(points, figures)
    config = space.decode(space.point(index))
    duty = engine_duty(timed)
    energy = energy_model(TARGET.family, TARGET.budget["lut"])
    wanted = energy.power_mw(
        clock_mhz=figures["clock_mhz"],
        macs=64 * duty,
        operand_bits=16,
        accum_bits=config.accum_bits,
        dsp=True,
        ff=model.predicted["ff"][points],
        ff_rate=0.25 * duty,
        buffers=(
            Buffer(words=config.a_depth, width=128, reads=duty, writes=duty / 4),
            Buffer(words=config.b_depth, width=128, reads=duty, writes=duty),
        ),
    )
    np.testing.assert_allclose(figures["power_mw"], wanted)


def test_a_driver_finds_modes_and_operators(searched: Any) -> None:
    model, space, _ = searched
    config = space.decode(space.point(len(space) - 1))
    said = json.loads(model.formats_text(config))
    assert said["modes"] == {"fp4_e2m1": 0, "int8": 1}
    assert said["operators"] == model.plan(config).groups
    assert len(said["operators"]) == len(GROUPS)


def test_quality_of_the_model_itself_is_called_so(searched: Any) -> None:
    _, space, found = searched
    own = tuple(replace(p, source="measured") for p in found.plans)
    search = replace(found, plans=own)
    assert found.stands_in
    assert not search.stands_in
    workload = load_workload("gpt2")
    other = search.model(space, workload.trace(), TARGET, Limits())
    config = space.decode(space.point(0))
    assert [*other.quality_figures(config)] == ["perplexity_ratio_measured"]
    (objective,) = of_the_model_itself(find_objectives(("perplexity",)))
    assert objective.column == "perplexity_ratio"
    quantities = other.quantities(np.arange(2), {k: v[:2] for k, v in other.figures.items()})
    assert objective.column in quantities


def test_cheap_mistakes_are_found_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dse
    from dse.explore import start

    def measured(*_: Any, **__: Any) -> None:
        raise AssertionError("something was measured")

    monkeypatch.setattr(start, "prepare_formats", measured)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"objectives": ("speed",)}, "objective='speed'"),
        ({"fixed": {"rowz": 1}}, "unknown knob 'rowz'"),
        ({"fixed": {"operand_bits": 8}}, "operand_bits=8 is no knob"),
        ({"name": "../x"}, "is no folder name"),
        ({"seeds": 1000}, "seeds=1000"),
        ({"budget": 0}, "budget=0"),
        ({"sampler": "best"}, "sampler='best'"),
        ({"max_power_mw": -1.0}, "max_power_mw"),
    ]
    for arguments, words in wrong:
        with pytest.raises(ConfigError, match=words):
            dse.search("gpt2", formats="int8", runs_dir=tmp_path, **arguments)
    with pytest.raises(ConfigError, match=r"gpt2 does not fit ulx3s-85f"):
        prepare_formats(load_workload("gpt2"), load_target("ulx3s-85f"), "int8", 0.02)  # type: ignore[arg-type]
