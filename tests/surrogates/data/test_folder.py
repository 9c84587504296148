"""Records of designs and measurements, and the folder that keeps them."""

from __future__ import annotations

from pathlib import Path

from hw.export import export
from hw.matrix import MatrixConfig
from surrogates.data import DatasetFolder, Measurement, record_design
from surrogates.graphs import design_graph


def test_a_design_is_its_modules_not_its_name() -> None:
    config = MatrixConfig(rows=2, cols=2)
    one, other = (
        record_design("matrix", {"rows": 2}, export(config, n)) for n in ("first", "kiln")
    )
    assert one == other
    wider = record_design("matrix", {}, export(MatrixConfig(rows=2, cols=4), "first"))
    assert wider.digest != one.digest
    assert one.modules["buffer_a"].digest == one.modules["buffer_b"].digest
    assert len({module.digest for module in one.modules.values()}) == len(one.modules) - 1
    assert wider.modules["pe"].digest == one.modules["pe"].digest
    assert (one.modules["pe"].count, wider.modules["pe"].count) == (2, 4)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "data")
    design = export(MatrixConfig(rows=2, cols=2), "first")
    record, graph = record_design("matrix", {"rows": 2}, design), design_graph(design)
    assert folder.add(record, graph.modules.values())
    assert not folder.add(record, graph.modules.values())
    assert list(folder.designs()) == [record]
    kept = folder.graph(record.modules["row"].digest)
    assert kept.digest == graph.modules["first_row"].digest
    assert kept.children == graph.modules["first_row"].children
    assert len(list(folder.path.glob("graphs/*/*.npz"))) == len(record.modules) - 1
    found = Measurement(
        design=record.digest, kind="area", target="ecpix5-85f", family="ecp5",
        figures={"engine_lut_measured": 7.0}, modules={"pe": {"lut": 3.0, "count": 2}},
    )  # fmt: skip
    assert not folder.has(record.digest, found.key)
    folder.put(found)
    assert folder.has(record.digest, found.key)
    assert list(folder.measurements()) == [found]
    assert list(folder.measurements("clock")) == []


def test_measurements_of_other_seeds_and_families_stand_beside_each_other(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    made = [
        Measurement(design="d", kind="clock", target=family, family=family, seed=seed)
        for family in ("ecp5", "ice40")
        for seed in (0, 1, 2)
    ]
    for found in made:
        folder.put(found)
    assert len(list(folder.measurements())) == len(made)
