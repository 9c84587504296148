"""The project's calibration page: errors from data files, whatever of them there is so far."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from dse.benchmark import calibration, calibration_page
from dse.benchmark.calibration import Independent, error_row, fit_rows, method_rows
from dse.benchmark.calibration_page import render_calibration
from dse.benchmark.pairs import (
    TIMING,
    Pair,
    PairTable,
    read_pairs,
    timing_pairs,
    write_pairs,
)
from dse.benchmark.subspace import SUBSPACE, read_table
from dse.calibrate import clock_sample, fitted_configs
from hw.contracts import ConfigError
from tests.dse.cli.helpers import dse
from tests.dse.provenance.walk import markdown_gaps


def _pairs(**change: str) -> PairTable:
    pairs = [
        Pair(figure="lut", target="ecpix5-85f", design=name, said=said, found=100.0)
        for name, said in (("a", 110.0), ("b", 96.0))
    ]
    text = {
        "title": "A method",
        "said": "modelled by a method",
        "found": "measured by Yosys",
        "command": "python -m bench.method",
    }
    return PairTable(**{**text, **change}, pairs=pairs)


def _some(count: int) -> dict[int, dict[str, str]]:
    return dict(list(read_table().items())[:count])


def test_errors_have_a_sign_a_size_and_a_tail() -> None:
    row = error_row("lut", "all", np.array([110.0, 96.0, 0.0]), np.array([100.0, 100.0, 0.0]))
    assert row.mean == pytest.approx(0.02)
    assert row.mean_absolute == pytest.approx(0.14 / 3)
    assert row.worst == pytest.approx(0.1)
    assert row.p95 == pytest.approx(np.percentile([0.1, 0.04, 0.0], 95))


def test_something_said_of_nothing_is_wholly_wrong() -> None:
    assert error_row("dsp", "all", np.array([4.0]), np.array([0.0])).worst == 1.0


def test_a_partial_table_is_compared_as_far_as_it_goes() -> None:
    rows = list(Independent(_some(5)).rows(["lut", "clock_mhz"]))
    assert [row.designs for row in rows if row.group == "all"] == [5, 5]
    assert list(Independent({}).rows(["lut"])) == []


def test_a_wrong_measurement_would_show() -> None:
    right, wrong = _some(5), _some(5)
    first = next(iter(wrong))
    wrong[first] = {**wrong[first], "ff": str(2 * int(wrong[first]["ff"]))}
    before, after = (next(Independent(table).rows(["ff"])) for table in (right, wrong))
    assert abs(before.worst) < 0.1
    assert after.worst == pytest.approx(-0.5, abs=0.05)


def test_designs_that_were_fitted_to_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _some(4)
    first = SUBSPACE.decode(SUBSPACE.point(next(iter(table))))
    monkeypatch.setattr(calibration, "fitted_configs", lambda: [first])
    found = Independent(table)
    assert (len(found.indices), len(found.fitted)) == (3, 1)


def test_every_design_of_a_calibration_is_known() -> None:
    configs = fitted_configs(bits=(8,))
    assert len(configs) == 4 * 20
    assert {config.operand_bits for config in configs} == {8}


def test_the_clock_is_not_fitted_to_designs_it_is_judged_on() -> None:
    judged = {SUBSPACE.decode(SUBSPACE.point(index)) for index in range(len(SUBSPACE))}
    groups = list(product(("os", "ws"), ("dsp", "lut"), (8,)))
    fitted = [config for group in groups for seed in (0, 1) for config in clock_sample(group, seed)]
    assert len(fitted) > 30
    assert not judged.intersection(fitted)


def test_every_family_has_its_fit_and_the_clock_comes_last() -> None:
    rows = [row for row in fit_rows() if row.family == "ecp5"]
    assert {"os/dsp/8", "ws/lut/8"} <= {row.group for row in rows}
    assert rows[-1].group == "clock"
    assert all(row.designs > 0 for row in rows)


def test_methods_are_summed_up_by_target_and_figure(tmp_path: Path) -> None:
    write_pairs("a_method", _pairs(), tmp_path)
    (found,) = read_pairs(tmp_path)
    (row,) = method_rows(found)
    assert (row.figure, row.group, row.designs) == ("lut", "ecpix5-85f", 2)
    assert row.mean == pytest.approx(0.03)


def test_the_clock_estimate_is_compared_with_routed_clocks() -> None:
    table = timing_pairs()
    (row,) = method_rows(table)
    assert row.designs >= 20  # the project's bar
    record = json.loads(TIMING.read_text("utf-8"))
    assert row.mean == pytest.approx(record["mean"], abs=0.002)


def test_a_side_that_does_not_say_how_is_refused() -> None:
    with pytest.raises(ConfigError, match="write 'measured by <tool>'"):
        _pairs(found="Yosys")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.pairs.json").write_text('{"title": "none"}', "utf-8")
    with pytest.raises(ConfigError, match=r"bad\.pairs\.json holds no pairs.*delete it"):
        read_pairs(tmp_path)


def test_the_page_has_every_part_and_says_where_it_comes_from() -> None:
    page = render_calibration(Independent(_some(6)), [_pairs()])
    assert markdown_gaps(page) == []
    assert "6 are measured so far" in page
    assert "| LUT | ecpix5-85f | 2 | +3.00% | 7.00% | 9.70% | +10.00% |" in page
    assert "fpga.toml: ecp5" in page


def test_the_committed_page_is_that_of_the_data_files() -> None:
    """All of it but the fits, where a width may be fitted before the page is written anew."""
    said, now = Path("docs/calibration.md").read_text("utf-8"), render_calibration()
    fits, _, rest = said.partition("## Predictor, on designs that it has not seen")
    fits_now, _, rest_now = now.partition("## Predictor, on designs that it has not seen")
    assert rest == rest_now
    assert set(fits.splitlines()) <= set(fits_now.splitlines())


def test_an_outdated_fit_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "is_current", lambda group: False)
    assert "outdated, refused" in calibration_page._fit(fit_rows())


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert dse("bench", "calibration", "--page", page).out.strip() == str(page)
    assert page.read_text("utf-8").startswith("# Calibration")


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    outcome = dse("bench", "calibration", "--page", tmp_path)
    assert outcome.code == 2
    assert "is a folder; name a file in it" in " ".join(outcome.err.split())


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--seeds", 0), "seeds=0 compares nothing; use 1 or more"),
        (("--budget", 0), "use 1 or more"),
        (("--budget", 10**6), "budget=1000000 is outside 1 to"),
    ],
)
def test_options_are_checked_before_the_table(
    monkeypatch: pytest.MonkeyPatch, option: tuple[object, ...], words: str
) -> None:
    monkeypatch.setattr("dse.benchmark.compare.Truth", None)  # reading would fail
    outcome = dse("bench", "search", *option)
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())
