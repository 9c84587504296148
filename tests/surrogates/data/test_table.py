"""Tables of measured designs, and how they are split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hw.contracts import ConfigError
from surrogates.data import DatasetFolder
from surrogates.data.pack import unpack
from surrogates.data.splits import by_generator, by_size, random_split
from surrogates.data.table import Table, read_table

from ..tables import SIZES, make_table, own_lut


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return make_table(tmp_path_factory.mktemp("data"))


def test_a_module_is_there_once_and_counts_make_the_designs(table: Table) -> None:
    assert len(table) == len(SIZES)
    assert (
        len(set(table.modules)) == len(table.modules) < sum(len(d.modules) for d in table.designs)
    )
    np.testing.assert_allclose(table.counts @ table.own["lut"], table.totals["lut"])
    for graph, own in zip(table.graphs, table.own["lut"], strict=True):
        assert own_lut(graph) == own


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no design whose area on xcup"):
        read_table(DatasetFolder(tmp_path), "xcup")


def test_a_random_split_uses_every_design_once(table: Table) -> None:
    split = random_split(table, 1)
    whole = np.concatenate([split.train, split.validate, split.test])
    assert sorted(whole.tolist()) == list(range(len(table)))
    assert len(split.test) == len(split.validate) == 2
    assert random_split(table, 1).test.tolist() == split.test.tolist()
    assert len({tuple(random_split(table, seed).test.tolist()) for seed in range(5)}) > 1


def test_larger_arrays_are_only_asked_about(table: Table) -> None:
    split = by_size(table, 0, most=16)
    elements = np.array([d.knobs["rows"] * d.knobs["cols"] for d in table.designs])
    assert (elements[split.test] > 16).all()
    assert (elements[np.append(split.train, split.validate)] <= 16).all()
    assert len(split.test) == sum(r * c > 16 for r, c in SIZES)


def test_an_unseen_generator_needs_another_to_learn_from(table: Table) -> None:
    with pytest.raises(ConfigError, match="unseen generator matrix: 10 designs to test, 0"):
        list(by_generator(table, 0))


def test_the_committed_dataset_is_whole(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    new = unpack(Path("surrogates/data/kiln.tar.xz"), folder)
    assert new["designs"] >= 160
    for family in ("ecp5", "xcup", "sky130"):
        table = read_table(folder, family)
        assert len(table) >= 160
        assert len(np.unique(table.generators)) >= 6
        for name, totals in table.totals.items():
            parts = table.counts @ table.own[name]
            # Names decide some ties of mapping: equal modules may differ by a LUT.
            np.testing.assert_allclose(parts, totals, rtol=0.01 if family == "sky130" else 1e-3)
