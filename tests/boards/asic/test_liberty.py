"""Liberty files: read, written, and refused with a reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from boards.liberty import Library, Table, read_liberty, read_liberty_text, write_liberty
from boards.sky130 import liberty, liberty_text, library
from hw.contracts import ConfigError, KilnError

TINY = """
library (tiny) {
  time_unit : "10ps"; leakage_power_unit : "1uW"; capacitive_load_unit (1, ff);
  operating_conditions (slow) { voltage : 1.1; temperature : 85; }
  /* a comment { with a brace */
  cell (NAND) {
    area : 2.5; cell_leakage_power : 3;
    pin (A) { direction : input; capacitance : 4; }
    pin (B) { direction : input; capacitance : 5; }
    pin (Y) { direction : output; function : "!(A & B)"; max_capacitance : 100;
      timing () { related_pin : "A B"; timing_sense : negative_unate;
        cell_rise (t) { index_1 ("1, 3"); index_2 ("10, 20"); values ("1, 2", \\
                        "3, 4"); }
        cell_fall (t) { index_1 ("1, 3"); index_2 ("10, 20"); values ("1, 2", "3, 4"); }
        rise_transition (t) { index_1 ("1, 3"); index_2 ("10, 20"); values ("1, 2", "3, 4"); }
        fall_transition (t) { index_1 ("1, 3"); index_2 ("10, 20"); values ("1, 2", "3, 4"); }
      }
    }
  }
  cell (TRI) { dont_use : true; pin (Z) { direction : output; function : "A"; three_state : "B"; } }
}
"""


def test_units_of_the_file_become_ours() -> None:
    cell = read_liberty_text(TINY).cells["NAND"]
    assert cell.leakage_nw == 3000
    assert cell.pins["B"].capacitance_pf == pytest.approx(0.005)
    assert [arc.source for arc in cell.arcs] == ["A", "B"]
    assert cell.arcs[0].rise(0.02, 0.015) == pytest.approx(0.025)


def test_conditions_and_unusable_cells_are_kept() -> None:
    found = read_liberty_text(TINY)
    assert (found.voltage, found.temperature_c, found.process) == (1.1, 85, "slow")
    assert not found.cells["TRI"].usable
    assert found.cells["TRI"].pins["Z"].function == ""


def test_table_interpolates_and_extrapolates() -> None:
    table = Table((0.0, 1.0), (0.0, 2.0), ((0.0, 2.0), (1.0, 3.0)))
    assert table(0.5, 1.0) == pytest.approx(1.5)
    assert table(2.0, 4.0) == pytest.approx(6.0)
    assert Table((0.0,), (0.0,), ((7.0,),))(3.0, 9.0) == 7.0


def test_written_library_reads_back(compact: Library) -> None:
    again = read_liberty_text(liberty_text())
    assert again.cells.keys() == compact.cells.keys()
    for name, cell in compact.cells.items():
        other = again.cells[name]
        assert other.area_um2 == cell.area_um2
        assert [pin.function for pin in other.pins.values()] == [
            pin.function for pin in cell.pins.values()
        ]
        for arc, twin in zip(cell.arcs, other.arcs, strict=True):
            assert twin.rise(0.1, 0.02) == pytest.approx(arc.rise(0.1, 0.02), rel=1e-5)
        for one, two in zip(cell.constraints, other.constraints, strict=True):
            assert two.rise(0.06, 0.3) == pytest.approx(one.rise(0.06, 0.3), rel=1e-5)


def test_gzipped_file_reads_like_plain(tmp_path: Path) -> None:
    (tmp_path / "tiny.lib.gz").write_bytes(gzip.compress(TINY.encode()))
    (tmp_path / "tiny.lib").write_text(TINY)
    assert read_liberty(tmp_path / "tiny.lib.gz") == read_liberty(tmp_path / "tiny.lib")


def test_users_liberty_replaces_the_table(tmp_path: Path) -> None:
    (tmp_path / "tiny.lib").write_text(TINY)
    assert set(library(tmp_path / "tiny.lib").cells) == {"NAND", "TRI"}
    written = read_liberty(liberty(tmp_path / "out.lib", tmp_path / "tiny.lib"))
    assert written.cells["NAND"].area_um2 == 2.5
    assert not written.cells["TRI"].usable


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no library group"),
        ("library (x) { cell (y) {", "is not closed"),
        ("library (x) { } }", "closes nothing"),
        ("not liberty", "not a Liberty statement"),
        ("library (x) { }", "no cells to use"),
        ("cell (x) { }", "give a library"),
        ('library (x) { time_unit : "1fs"; cell (y) { } }', "time_unit='1fs'"),
    ],
)
def test_what_is_no_library_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_liberty_text(text)


def test_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.lib.*give a Liberty"):
        read_liberty(tmp_path / "none.lib")


def test_unwritable_place_is_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(KilnError, match="choose a folder"):
        liberty(tmp_path / "no" / "such" / "folder.lib")


def test_only_wanted_cells_are_written(compact: Library) -> None:
    text = write_liberty(compact, keep=lambda name: name.endswith("nand2_1"))
    assert list(read_liberty_text(text).cells) == ["sky130_fd_sc_hd__nand2_1"]


AXES = """
library (axes) {
  time_unit : "1ns"; capacitive_load_unit (1, pf);
  lu_table_template (T) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("1, 2"); index_2 ("10, 20, 30");
  }
  lu_table_template (S) {
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("10, 20, 30"); index_2 ("1, 2");
  }
  lu_table_template (L) { variable_1 : total_output_net_capacitance; index_1 ("10, 20, 30"); }
  cell (INV) {
    pin (A) { direction : input; }
    pin (Y) {
      direction : output; function : "!A";
      timing () {
        related_pin : "A"; timing_sense : negative_unate;
        cell_rise (T) { values ("1, 2, 3", "4, 5, 6"); }
        cell_fall (S) { values ("1, 4", "2, 5", "3, 6"); }
        rise_transition (T) { values ("1, 2, 3, 4, 5, 6"); }
        fall_transition (L) { values ("1, 2, 3"); }
      }
    }
  }
}
"""


def test_axes_come_from_the_template_in_either_order() -> None:
    (arc,) = read_liberty_text(AXES).cells["INV"].arcs
    assert arc.rise.rows == (1, 2)
    assert arc.rise.columns == (10, 20, 30)
    assert arc.rise == arc.fall == arc.rise_slew
    assert arc.rise(2, 30) == 6
    assert arc.fall_slew(5, 20) == 2


def test_a_table_off_its_grid_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cell_rise table has 2 rows .* for 2 by 3 points; give"):
        read_liberty_text(AXES.replace('"1, 2, 3", "4, 5, 6"', '"1, 2", "4, 5"'))
