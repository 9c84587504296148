"""Sweeps: the same designs everywhere, each measured once, and what went wrong kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards.metrics import Figure, Metrics
from boards.target import load_target
from boards.tools import ToolError
from dse.dataset import GENERATORS, Sweep
from dse.dataset.measure import MEASURES, Measure, _kept, _measurement
from dse.dataset.sweep import counts
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MatrixConfig
from surrogates.data import DatasetFolder, record_design
from surrogates.graphs import design_graph
from tests.dse.cli.helpers import dse

FAMILIES = ("ecpix5-85f", "sky130")


@pytest.fixture
def measured(monkeypatch):
    """Replace synthesis by a count of modules; the second `buffer` has no room."""
    calls = []

    def area(record, design, target, seed):
        calls.append((record.digest, target.name))
        if record.knobs.get("once"):
            raise ConfigError("too large\nmake it smaller")
        figure = Figure(value=len(design.modules), unit="module", fidelity="measured", tool="none")
        return _measurement(record, "area", target, 0, Metrics(engine_lut_measured=figure), {})

    kept = Measure(takes=lambda target: True, measure=_kept("area", area))
    monkeypatch.setitem(MEASURES, "area", kept)
    return calls


def make_sweep(folder: Path, **options: object) -> Sweep:
    given = {
        "generators": {"codec": 3, "buffer": 4},
        "kinds": ("area",),
        "targets": tuple(map(load_target, FAMILIES)),
    }
    return Sweep(folder=DatasetFolder(folder), **{**given, **options})


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_draws_designs_that_have_graphs(tmp_path: Path, name: str) -> None:
    sweep = make_sweep(tmp_path)
    found = [sweep.design(name, number) for number in range(3)]
    assert len({record.digest for record, _ in found}) > 1
    again, design = sweep.design(name, 1)
    assert again == found[1][0]
    graph = design_graph(design)
    assert set(graph.modules) == {module.name for module in design.modules}
    assert sum(len(module.kinds) for module in graph.modules.values()) > 3


def test_what_is_there_is_not_measured_again(tmp_path: Path, measured: list[object]) -> None:
    sweep = make_sweep(tmp_path)
    made = sweep.run(2, lambda task, found: None)
    distinct = len({sweep.design(t.generator, t.number)[0].digest for t in sweep.tasks()})
    assert made == len(measured) == 2 * distinct
    assert sweep.run(2, lambda task, found: None) == 0
    assert len(measured) == made
    assert len(list(sweep.folder.designs())) == distinct


def test_shards_share_the_work(tmp_path: Path, measured: list[object]) -> None:
    whole = make_sweep(tmp_path).tasks()
    parts = [make_sweep(tmp_path, shard=(at, 3)).tasks() for at in range(3)]
    assert sorted(repr(t) for part in parts for t in part) == sorted(map(repr, whole))
    for at in range(3):
        make_sweep(tmp_path, shard=(at, 3)).run(1, lambda task, found: None)
    assert make_sweep(tmp_path).run(1, lambda task, found: None) == 0


def test_any_beginning_of_a_sweep_has_some_of_all(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, generators=counts(300, list(GENERATORS)))
    first = sweep.tasks()[:120]
    assert {task.generator for task in first} == set(GENERATORS)


def test_why_there_is_no_figure_is_kept(tmp_path: Path, measured: list[object]) -> None:
    sweep = make_sweep(tmp_path, generators={"buffer": 12}, targets=(load_target("sky130"),))
    told = []
    sweep.run(1, lambda task, found: told.append(found))
    errors = [m for m in sweep.folder.measurements() if m.error]
    assert errors
    assert all(m.error == "too large" and not m.figures for m in errors)
    assert "too large" in told


def test_what_a_tool_did_not_finish_is_measured_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: list[object]
) -> None:
    sweep = make_sweep(tmp_path, generators={"codec": 1}, targets=(load_target("sky130"),))
    good = MEASURES["area"]

    def late(*given: object) -> object:
        raise ToolError("yosys was stopped after its limit")

    bad = Measure(takes=good.takes, measure=_kept("area", late))
    monkeypatch.setitem(MEASURES, "area", bad)
    told: list[str] = []
    assert sweep.run(1, lambda task, found: told.append(found)) == 0
    assert told == ["not measured, for the next run: yosys was stopped after its limit"]
    assert not list(sweep.folder.measurements())
    monkeypatch.setitem(MEASURES, "area", good)
    assert sweep.run(1, lambda task, found: None) == 1


def test_clocks_are_measured_where_there_is_a_router(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, kinds=("area", "clock"), seeds=3, generators={"codec": 1})
    kinds = [(task.kind, task.target.name, task.seed) for task in sweep.tasks()]
    clocks = [("clock", "ecpix5-85f", seed) for seed in range(3)]
    assert kinds == [("area", "ecpix5-85f", 0), ("area", "sky130", 0), *clocks]


def test_power_is_measured_of_engines(tmp_path: Path) -> None:
    both = {"codec": 1, "matrix": 1}
    sweep = make_sweep(tmp_path, kinds=("power",), generators=both)
    assert {task.generator for task in sweep.tasks()} == {"matrix"}


def test_energy_of_an_engine_is_that_of_its_modules() -> None:
    config = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16, result_rows=4)
    design = export(config, "kiln")
    record = record_design("matrix", {}, design)
    found = MEASURES["power"].measure(record, design, load_target("sky130"), 0)
    whole = found.figures["cycle_energy_pj_modelled"]
    parts = sum(row["cycle_pj"] * row["count"] for row in found.modules.values())
    assert 0.5 * whole < parts <= whole  # the clock tree is of no module
    assert found.modules["pe"]["count"] == 2
    again = MEASURES["power"].measure(record, design, load_target("sky130"), 1)
    assert again.figures["cycle_energy_pj_modelled"] != whole  # other operands


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--generators", "matrx"), "did you mean"),
        (("--measure", "areas"), "did you mean"),
        (("--measure", ""), "nothing to measure"),
        (("--targets", "ecp"), "ecp"),
        (("--targets", ""), "no target"),
        (("--shard", "3/2"), "write I/N"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, options: tuple[str, str], said: str) -> None:
    outcome = dse("dataset", "--out", tmp_path / "data", *options)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "data").exists()


def test_one_design_is_synthesised_for_real(tmp_path: Path) -> None:
    options = ("--designs", 1, "--generators", "protection", "--targets", "ecpix5-85f")
    outcome = dse("dataset", "--out", tmp_path / "data", *options, "--jobs", 1)
    assert outcome.code == 0, outcome.err
    folder = DatasetFolder(tmp_path / "data")
    (record,), (found,) = list(folder.designs()), list(folder.measurements())
    assert found.design == record.digest
    assert found.modules.keys() == record.modules.keys()
    own = sum(row.get("lut", 0) * row["count"] for row in found.modules.values())
    assert own == found.figures["engine_lut_measured"] > 0
    assert "1 were there" in dse("dataset", "--out", tmp_path / "data", *options).err


def test_a_packed_dataset_is_the_folder_again(tmp_path: Path, measured: list[object]) -> None:
    sweep = make_sweep(tmp_path / "one")
    sweep.run(1, lambda task, found: None)
    file = tmp_path / "one.tar.xz"
    assert dse("dataset", "--out", tmp_path / "one", "--pack", file).code == 0
    other = tmp_path / "two"
    assert dse("dataset", "--out", other, "--add", file).code == 0
    names = [p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.json")]
    assert len(names) > 7
    for name in names:
        assert (other / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    for record in sweep.folder.designs():
        for module in record.modules.values():
            found, wanted = (
                DatasetFolder(p).graph(module.digest) for p in (other, tmp_path / "one")
            )
            assert found.digest == wanted.digest
            assert found.children == wanted.children
    assert "0 designs and 0 measurements were new" in dse(
        "dataset", "--out", other, "--add", file
    ).err.replace("\n", " ")


def test_files_that_are_no_datasets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.tar.xz").write_bytes(b"no archive")
    for name, said in (("bad.tar.xz", "is no packed dataset"), ("none", "is no packed dataset")):
        outcome = dse("dataset", "--out", tmp_path / "data", "--add", tmp_path / name)
        assert outcome.code == 2
        assert said in " ".join(outcome.err.split())
    outcome = dse("dataset", "--out", tmp_path / "data", "--pack", tmp_path / "x.tar.xz")
    assert outcome.code == 2
    assert "holds no designs" in " ".join(outcome.err.split())
