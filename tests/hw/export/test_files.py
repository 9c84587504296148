"""A design on disk: one file per module, lists that tools read, nothing half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.contracts import ConfigError
from hw.contracts.files import StorageError
from hw.export import core_description, export, write_design

from .toys import Array


def test_every_module_lies_in_a_file_of_its_name(tmp_path: Path) -> None:
    design = export(Array(2, 2), "array")
    write_design(design, tmp_path)
    for module in design.modules:
        assert (tmp_path / "rtl" / f"{module.name}.v").read_text() == module.verilog


def test_the_list_names_children_before_parents(tmp_path: Path) -> None:
    write_design(export(Array(2, 2), "array"), tmp_path)
    assert (tmp_path / "array.f").read_text().splitlines() == [
        "rtl/array_pe.v",
        "rtl/array_pe_right.v",
        "rtl/array_row.v",
        "rtl/array_core.v",
        "rtl/array.v",
    ]


def test_all_written_paths_are_returned_and_nothing_else_is_left(tmp_path: Path) -> None:
    paths = write_design(export(Array(2, 2), "array"), tmp_path)
    assert sorted(paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = {path: path.read_bytes() for path in write_design(export(Array(2, 2)), tmp_path)}
    second = {path: path.read_bytes() for path in write_design(export(Array(2, 2)), tmp_path)}
    assert first == second


def test_the_core_file_lists_sources_and_top() -> None:
    core = core_description(export(Array(2, 2), "array"), version="1.2.0")
    assert core.startswith("CAPI=2:\n")
    assert 'name: "kiln::array:1.2.0"' in core
    assert "      - rtl/array_pe.v\n" in core
    assert "toplevel: array\n" in core


def test_modules_of_another_design_are_refused_or_removed(tmp_path: Path) -> None:
    write_design(export(Array(2, 2), "other"), tmp_path)
    with pytest.raises(ConfigError, match=r"holds modules of another design.*choose an empty"):
        write_design(export(Array(2, 2), "array"), tmp_path)
    write_design(export(Array(2, 2), "array"), tmp_path, force=True)
    assert not list((tmp_path / "rtl").glob("other*"))


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "design").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot create the folder"):
        write_design(export(Array(2, 2), "array"), tmp_path / "design")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_design(export(Array(2, 2), "array"), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        write_design(export(Array(2, 4), "array"), tmp_path)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before
