"""Yosys netlists: read hierarchically, counted, and refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boards.netlist import read_netlist
from hw.contracts import KilnError


def module(**cells: str) -> dict[str, Any]:
    """Return a module without ports whose cells have the given types."""
    return {
        "ports": {},
        "cells": {name: {"type": kind, "connections": {}} for name, kind in cells.items()},
    }


def test_instances_multiply_through_the_hierarchy() -> None:
    modules = {
        "top": module(a="mid", b="mid", x="INV"),
        "mid": module(p="leaf", q="leaf", r="leaf"),
        "leaf": module(i="INV", n="NAND"),
    }
    found = read_netlist({"modules": modules})
    assert found.top == "top"
    assert found.order == ("leaf", "mid", "top")
    assert found.module_counts == {"top": 1, "mid": 2, "leaf": 6}
    assert found.cell_counts == {"INV": 7, "NAND": 6}


def test_real_netlist_keeps_its_hierarchy(mac_row: dict[str, Any]) -> None:
    found = read_netlist(mac_row)
    assert found.top == "row"
    assert sum(n for name, n in found.module_counts.items() if name != "row") == 3
    assert found.modules["row"].inputs["b[23]"] not in ("x", "0")


def test_text_and_file_give_the_same_digest(tmp_path: Path) -> None:
    text = json.dumps({"modules": {"top": module(x="INV")}})
    (tmp_path / "n.json").write_text(text)
    assert read_netlist(text).digest == read_netlist(tmp_path / "n.json").digest != ""


def test_models_of_fpga_cells_are_no_modules() -> None:
    box = {**module(), "attributes": {"blackbox": "1"}}
    found = read_netlist({"modules": {"LUT4": box, "top": module(x="LUT4")}})
    assert found.cell_counts == {"LUT4": 1}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{ not json", "not JSON"),
        ({"moduls": {}}, "write_json"),
        ({"modules": {"a": module(), "b": module()}}, "may be any of"),
        ("/no/such/file.json", "synthesise again"),
    ],
)
def test_what_is_no_netlist_is_refused(source: Any, message: str) -> None:
    with pytest.raises(KilnError, match=message):
        read_netlist(source)


def test_unknown_top_is_refused() -> None:
    with pytest.raises(KilnError, match="no module 'c'"):
        read_netlist({"modules": {"a": module()}}, top="c")


def test_module_inside_itself_is_refused() -> None:
    with pytest.raises(KilnError, match="contains itself"):
        _ = read_netlist({"modules": {"a": module(x="a")}}, top="a").order
