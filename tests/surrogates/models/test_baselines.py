"""The linear and the additive model, on figures that follow a rule."""

from __future__ import annotations

import numpy as np
import pytest

from surrogates.data.splits import by_size
from surrogates.data.table import Table
from surrogates.models import Additive, Ridge, mape

from ..tables import make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return make_table(tmp_path_factory.mktemp("data"))


def test_a_linear_rule_is_found_and_holds_for_larger_arrays(table: Table) -> None:
    split = by_size(table, 0, most=16)
    model = Ridge()
    model.fit(table, split.train, "lut")
    found = model.predict(table, split.test)
    assert mape(found, table.totals["lut"][split.test]) < 0.05
    assert (model.modules(table) >= 0).all()


def test_modules_that_were_measured_are_known(table: Table) -> None:
    rows = np.arange(len(table))
    model = Additive()
    model.fit(table, rows, "lut")
    np.testing.assert_allclose(model.predict(table, rows), table.totals["lut"])
    half = rows[::2]
    model.fit(table, half, "lut")
    seen = np.isin(np.arange(len(table.modules)), table.modules_of(half))
    np.testing.assert_allclose(model.modules(table)[seen], table.own["lut"][seen])
    ridge = Ridge()
    ridge.fit(table, half, "lut")
    np.testing.assert_allclose(model.modules(table)[~seen], ridge.modules(table)[~seen])
    assert (~seen).any()


def test_what_was_not_measured_does_not_count(table: Table) -> None:
    import dataclasses

    own = table.own["lut"].copy()
    own[::3] = np.nan
    some = dataclasses.replace(table, own={"lut": own})
    model = Ridge()
    model.fit(some, np.arange(len(table)), "lut")
    assert np.isfinite(model.modules(some)).all()


def test_errors_are_of_designs_that_take_any() -> None:
    found = mape(np.array([1.0, 5.0, 9.0]), np.array([2.0, 0.0, 10.0]))
    assert found == pytest.approx((0.5 + 0.1) / 2)
