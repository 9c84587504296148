"""The compact sky130 table against the PDK's Liberty file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import boards.sky130
from boards.liberty import Arc, Library
from boards.netlist import read_netlist
from boards.sky130.extract import (
    LIBERTY_SLEWS_NS,
    extract,
    liberty_loads_pf,
    main,
    wanted,
    worst,
)
from hw.contracts import ConfigError

BETWEEN_NS = (0.02, 0.04, 0.08, 0.15, 0.3, 0.5)


@dataclass(frozen=True)
class Miss:
    """A point of the PDK's tables (ns or pJ over ns and pF) that the compact table leaves."""

    cell: str
    table: str
    slew: float
    load: float
    mine: float
    theirs: float


def compare(
    compact: Library, reference: Library, names: tuple[str, ...], slews: Sequence[float]
) -> tuple[int, list[Miss]]:
    """Return how many points the tables `names` of all arcs have, and those not within 10 %."""
    points, misses = 0, []
    for name, cell in compact.cells.items():
        full = reference.cells[name]
        twins = {_key(arc): arc for arc in worst(full.arcs)}
        for arc, table in product(cell.arcs, names):
            mine, theirs = getattr(arc, table), getattr(twins[_key(arc)], table)
            loads = liberty_loads_pf(full.pins[arc.target].max_load_pf)
            for slew, load in product(slews, loads):
                points += 1
                found, right = mine(slew, load), theirs(slew, load)
                # Below 20 ps the relative error says nothing.
                if abs(found - right) > 0.1 * max(abs(right), 0.02):
                    misses.append(Miss(name, table, slew, load, found, right))
    return points, misses


def _key(arc: Arc) -> tuple[str, str, str, str]:
    return arc.source, arc.target, arc.sense, arc.edge


def test_areas_capacitances_and_leakage_are_those_of_the_pdk(
    compact: Library, reference: Library
) -> None:
    for name, cell in compact.cells.items():
        full = reference.cells[name]
        assert cell.area_um2 == full.area_um2
        assert cell.leakage_nw == pytest.approx(full.leakage_nw, rel=1e-3)
        for pin in cell.inputs:
            assert pin.capacitance_pf == pytest.approx(full.pins[pin.name].capacitance_pf, rel=1e-3)
        for pin in cell.outputs:
            assert pin.function == full.pins[pin.name].function


def test_delays_are_within_ten_percent_at_all_points(compact: Library, reference: Library) -> None:
    points, misses = compare(compact, reference, ("rise", "fall"), LIBERTY_SLEWS_NS)
    assert points > 67_000
    assert misses == []


def test_transitions_are_within_eleven_percent_and_nearly_all_within_ten(
    compact: Library, reference: Library
) -> None:
    points, misses = compare(compact, reference, ("rise_slew", "fall_slew"), LIBERTY_SLEWS_NS)
    assert points > 67_000
    assert len(misses) < 15
    assert all(abs(m.mine - m.theirs) < 0.11 * max(m.theirs, 0.02) for m in misses)


def test_delays_between_the_points_follow(compact: Library, reference: Library) -> None:
    points, misses = compare(compact, reference, ("rise", "fall"), BETWEEN_NS)
    assert len(misses) < 0.002 * points


def test_energies_of_inputs_are_within_two_percent(compact: Library, reference: Library) -> None:
    for name, cell in compact.cells.items():
        for pin, slew in product(cell.inputs, LIBERTY_SLEWS_NS):
            full = reference.cells[name].energy_pj(pin.name, slew)
            # Half a femtojoule is what an input gate takes: nothing, beside an output.
            mine = cell.energy_pj(pin.name, slew)
            assert abs(mine - full) < 0.02 * max(abs(full), 0.0005), (name, pin.name, slew)


def test_energies_of_outputs_are_within_ten_percent(compact: Library, reference: Library) -> None:
    """Inside the cells but for inverters, which take next to nothing; with the load's, always."""
    points, others = 0, 0
    for name, cell in compact.cells.items():
        full = reference.cells[name]
        for pin, slew in product(cell.outputs, LIBERTY_SLEWS_NS):
            for load in liberty_loads_pf(full.pins[pin.name].max_load_pf):
                theirs = full.energy_pj(pin.name, slew, load)
                error = abs(cell.energy_pj(pin.name, slew, load) - theirs)
                charge = load * compact.voltage**2 / 2
                points += 1
                others += "inv_" not in name and error > 0.1 * max(abs(theirs), 0.0005)
                assert error < 0.1 * max(abs(theirs) + charge, 0.0005), (name, slew, load)
    assert points > 10_000
    assert others <= 12  # nand2_2 at its largest load, and a half adder


def test_setup_times_are_those_of_the_pdk(compact: Library, reference: Library) -> None:
    for name, cell in compact.cells.items():
        for constraint in cell.constraints:
            full = next(
                c
                for c in reference.cells[name].constraints
                if (c.pin, c.kind, c.clock) == (constraint.pin, "setup", constraint.clock)
            )
            for slew in (0.02, 0.2, 0.5):
                assert constraint.rise(0.06, slew) == pytest.approx(
                    full.rise(0.06, slew), abs=0.015
                )


def test_isolation_cells_are_left_out(compact: Library) -> None:
    assert not any("lpflow" in name for name in compact.cells)
    assert not wanted("sky130_fd_sc_hd__lpflow_inputiso0n_1")
    assert not boards.sky130.usable("sky130_fd_sc_hd__lpflow_isobufsrc_1")


def test_table_is_small() -> None:
    folder = Path(boards.sky130.__file__).parent
    size = sum(path.stat().st_size for path in folder.glob("*.csv"))
    assert size < 230_000  # bytes; the PDK's file has 12.8 million


def test_committed_table_is_what_the_script_makes(reference: Library) -> None:
    folder = Path(boards.sky130.__file__).parent
    made = extract(reference)
    for name in ("cells.csv", "pins.csv", "arcs.csv", "constraints.csv"):
        assert (folder / name).read_text(encoding="utf-8") == made[name]
    assert (folder / "table.json").read_text(encoding="utf-8") == made["table.json"]


def test_script_wants_one_liberty_file() -> None:
    with pytest.raises(ConfigError, match="give one Liberty file"):
        main([])


def test_mapped_area_is_exact(
    mac_row: dict[str, Any], compact: Library, reference: Library
) -> None:
    counts = read_netlist(mac_row).cell_counts
    assert compact.area_um2(counts) == pytest.approx(reference.area_um2(counts), abs=1e-6)
    assert compact.area_um2(counts) > 9000
