"""Memory macros of sky130: the fit to the sourced table, and memories in a netlist."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import numpy as np
import pytest

from boards.liberty import Library
from boards.netlist import read_netlist
from boards.sky130.blackboxes import bind_memories
from boards.sky130.memories import memory_fit, memory_macro
from boards.timing import analyse
from hw.contracts import ConfigError, KilnError

TABLE = tomllib.loads(
    resources.files("boards.sky130").joinpath("memories.toml").read_text(encoding="utf-8")
)["macros"]


def test_areas_are_those_of_the_published_macros() -> None:
    for macro in TABLE:
        found = memory_macro(macro["words"], macro["width"])
        assert found.area_um2 == pytest.approx(macro["area_um2"], rel=0.055)


def test_energies_are_within_the_stated_scatter() -> None:
    for macro in (m for m in TABLE if "read_mw" in m):
        found = memory_macro(macro["words"], macro["width"])
        read = (macro["read_mw"] - macro["idle_mw"]) * macro["period_ns"]
        assert 0.5 < found.read_pj / read < 2
        assert found.clock_pj == pytest.approx(macro["idle_mw"] * macro["period_ns"], rel=0.2)
        assert found.leakage_nw == pytest.approx(macro["leakage_uw"] * 1000, rel=0.2)


def test_large_memory_is_several_banks() -> None:
    one, four = memory_macro(2048, 32), memory_macro(8192, 32)
    assert (one.banks, four.banks) == (1, 4)
    assert four.area_um2 == pytest.approx(4 * one.area_um2)
    assert four.read_pj == pytest.approx(one.read_pj)


def test_second_read_port_is_a_copy() -> None:
    one, two = memory_macro(256, 32), memory_macro(256, 32, read_ports=2)
    assert two.area_um2 == pytest.approx(2 * one.area_um2)
    assert two.read_pj == pytest.approx(one.read_pj)
    assert two.write_pj == pytest.approx(2 * one.write_pj)


def test_arrays_give_what_single_macros_give() -> None:
    words, width = np.array([64, 256, 4096]), np.array([128, 32, 64])
    areas = memory_fit().area_um2(words, width)
    for i in range(3):
        assert areas[i] == pytest.approx(memory_macro(int(words[i]), int(width[i])).area_um2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((32, 32), "use flip-flops"),
        ((0, 32), "use 1 or more"),
        ((256, 32, 1, 2), "write_ports=2"),
    ],
)
def test_impossible_memories_are_refused(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        memory_macro(*arguments)


def test_large_memory_is_a_macro_and_a_small_one_flops(
    memory_design: dict[str, Any], compact: Library
) -> None:
    netlist = read_netlist(memory_design)
    assert netlist.cell_counts["$mem_v2"] == 1
    assert netlist.cell_counts["sky130_fd_sc_hd__dfxtp_1"] >= 128
    bound, library, macros = bind_memories(netlist, compact)
    assert list(macros) == ["kiln_sram_256x32_1r1w"]
    area = library.area_um2(bound.cell_counts)
    assert area > 190_000


def test_memory_limits_the_clock(memory_design: dict[str, Any], compact: Library) -> None:
    bound, library, _ = bind_memories(read_netlist(memory_design), compact)
    found = analyse(bound, library)
    assert found.register_ns > memory_fit().access_ns
    assert found.path[0].cell == "kiln_sram_256x32_1r1w"


def test_small_memory_left_unmapped_is_named() -> None:
    cell = {
        "type": "$mem_v2",
        "connections": {},
        "parameters": {"SIZE": "100", "WIDTH": "100", "RD_PORTS": "1", "WR_PORTS": "1"},
    }
    netlist = read_netlist({"modules": {"m": {"ports": {}, "cells": {"buf": cell}}}})
    with pytest.raises(KilnError, match=r"'buf' of 4x4 bits.*memory_map"):
        bind_memories(netlist, Library(name="", voltage=1, temperature_c=0, process="", cells={}))
