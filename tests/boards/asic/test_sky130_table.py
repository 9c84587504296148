"""The compact sky130 table against the PDK's Liberty file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import boards.sky130
from boards.liberty import Library, Table
from boards.netlist import read_netlist
from boards.sky130.extract import extract, main, wanted
from boards.sky130.table import LOADS_PF, SLEWS_NS
from hw.contracts import ConfigError

SLEWS = (0.02, 0.04, 0.08, 0.15, 0.3, 0.5)


def errors(compact: Library, reference: Library, names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Return relative errors of the tables `names` of all arcs, over slews and loads."""
    found = []
    for name, cell in compact.cells.items():
        full = reference.cells[name]
        strongest = max((pin.max_load_pf for pin in cell.outputs), default=0.0)
        loads = np.geomspace(*LOADS_PF, 5) * max(1.0, strongest / 0.17)
        for arc in cell.arcs:
            key = (arc.source, arc.target, arc.sense, arc.edge)
            twins = [a for a in full.arcs if (a.source, a.target, a.sense, a.edge) == key]
            twin = max(twins, key=lambda a: a.rise(0.1, 0.01) + a.fall(0.1, 0.01))
            for table in names:
                mine: Table = getattr(arc, table)
                theirs: Table = getattr(twin, table)
                points = [(s, min(load, strongest)) for s in SLEWS for load in loads]
                # Below 20 ps the relative error says nothing.
                found += [
                    abs(mine(s, c) - theirs(s, c)) / max(abs(theirs(s, c)), 0.02) for s, c in points
                ]
    return np.array(found)


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


def test_delays_are_within_ten_percent(compact: Library, reference: Library) -> None:
    found = errors(compact, reference, ("rise", "fall"))
    assert np.mean(found) < 0.025
    assert np.quantile(found, 0.98) < 0.10


def test_transitions_are_within_ten_percent(compact: Library, reference: Library) -> None:
    found = errors(compact, reference, ("rise_slew", "fall_slew"))
    assert np.quantile(found, 0.98) < 0.10


def test_energies_are_within_ten_percent(compact: Library, reference: Library) -> None:
    # The PDK books the energy of cells with two outputs in a way that is not linear in the load;
    # technology mapping does not use these cells.
    single = {n: c for n, c in compact.cells.items() if len(c.outputs) == 1}
    found = []
    for name, cell in single.items():
        for pin in cell.pins.values():
            loads = (0.003, 0.01, 0.03) if pin.output else (0.0,)
            for slew in SLEWS[1:]:
                for load in loads:
                    full = reference.cells[name].energy_pj(pin.name, slew, load)
                    # Half a femtojoule is what an input gate takes: nothing, beside an output.
                    mine = cell.energy_pj(pin.name, slew, load)
                    found.append(abs(mine - full) / max(abs(full), 0.0005))
    assert np.quantile(found, 0.98) < 0.10


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
    assert sum(path.stat().st_size for path in folder.glob("*.csv")) < 200_000


def test_committed_table_is_what_the_script_makes(reference: Library) -> None:
    folder = Path(boards.sky130.__file__).parent
    made = extract(reference)
    for name in ("cells.csv", "pins.csv", "arcs.csv", "constraints.csv"):
        assert (folder / name).read_text(encoding="utf-8") == made[name]
    assert str(SLEWS_NS[0]) in made["table.json"]


def test_script_wants_one_liberty_file() -> None:
    with pytest.raises(ConfigError, match="give one Liberty file"):
        main([])


def test_mapped_area_is_exact(
    mac_row: dict[str, Any], compact: Library, reference: Library
) -> None:
    counts = read_netlist(mac_row).cell_counts
    assert compact.area_um2(counts) == pytest.approx(reference.area_um2(counts), abs=1e-6)
    assert compact.area_um2(counts) > 9000
