"""Static timing: against ABC's timer, the PDK's tables, a flat netlist, and by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boards.liberty import Arc, Cell, Constraint, Library, Pin, Table, read_liberty_text
from boards.netlist import Instance, Module, Netlist, read_netlist
from boards.sky130 import liberty
from boards.timing import WireLoad, analyse
from boards.timing.buffers import Buffering
from hw.contracts import KilnError
from hw.export.yosys import run_yosys

from .conftest import Mapped


def flat(value: float) -> Table:
    return Table((0.0,), (0.0,), ((value,),))


def gate(name: str, delay: float, load: float = 1.0) -> Cell:
    """Return a buffer of fixed delay."""
    arc = Arc(
        source="A", target="Y", sense="positive_unate", rise=flat(delay), fall=flat(delay),
        rise_slew=flat(0.1), fall_slew=flat(0.1),
    )  # fmt: skip
    pins = {
        "A": Pin(name="A", output=False, capacitance_pf=load),
        "Y": Pin(name="Y", output=True, function="A"),
    }
    return Cell(name=name, area_um2=1, leakage_nw=0, pins=pins, arcs=(arc,))


def flop() -> Cell:
    """Return a flip-flop: 0.3 ns to its output, 0.1 ns set-up."""
    arc = Arc(
        source="C", target="Q", sense="non_unate", edge="rising_edge", rise=flat(0.3),
        fall=flat(0.3), rise_slew=flat(0.1), fall_slew=flat(0.1),
    )  # fmt: skip
    setup = Constraint(pin="D", clock="C", kind="setup", rise=flat(0.1), fall=flat(0.1))
    pins = {
        "C": Pin(name="C", output=False, clock=True, capacitance_pf=1),
        "D": Pin(name="D", output=False, capacitance_pf=1),
        "Q": Pin(name="Q", output=True),
    }
    return Cell(name="FF", area_um2=1, leakage_nw=0, pins=pins, arcs=(arc,), constraints=(setup,))


TOY = Library(
    name="toy", voltage=1, temperature_c=25, process="",
    cells={cell.name: cell for cell in (gate("B1", 1.0), gate("B2", 2.0), flop())},
)  # fmt: skip


def toy(*instances: Instance, inputs: str = "c i", outputs: str = "") -> Module:
    """Return a module; nets are named by numbers, ports ``c`` 1, ``i`` 2, ``o`` 9."""
    nets: dict[str, int | str] = {"c": 1, "i": 2, "o": 9}
    return Module(
        "m",
        {port: nets[port] for port in inputs.split()},
        {port: nets[port] for port in outputs.split()},
        instances,
    )


def timed(*modules: Module, top: str = "m") -> Any:
    return analyse(Netlist({module.name: module for module in modules}, top), TOY)


def test_path_between_registers_has_clock_to_output_and_setup() -> None:
    found = timed(
        toy(
            Instance("r", "FF", {"C": 1, "D": 2, "Q": 3}),
            Instance("g", "B1", {"A": 3, "Y": 4}),
            Instance("h", "B2", {"A": 4, "Y": 5}),
            Instance("s", "FF", {"C": 1, "D": 5, "Q": 6}),
        )
    )
    assert found.register_ns == pytest.approx(0.3 + 1 + 2 + 0.1)
    assert [step.place for step in found.path] == ["r/Q rise", "g/Y rise", "h/Y rise", "s/D setup"]


def test_paths_from_inputs_and_to_outputs_are_apart() -> None:
    found = timed(
        toy(
            Instance("g", "B2", {"A": 2, "Y": 3}),
            Instance("r", "FF", {"C": 1, "D": 3, "Q": 4}),
            Instance("h", "B1", {"A": 4, "Y": 9}),
            outputs="o",
        )
    )
    assert found.input_ns == pytest.approx(2.1)
    assert found.output_ns == pytest.approx(1.3)
    assert found.register_ns == 0
    assert found.period_ns == pytest.approx(2.1)


def test_path_runs_through_a_module_without_registers() -> None:
    through = replace(
        toy(Instance("g", "B2", {"A": 2, "Y": 9}), inputs="i", outputs="o"), name="wire"
    )
    found = timed(
        through,
        toy(
            Instance("r", "FF", {"C": 1, "D": 2, "Q": 3}),
            Instance("w", "wire", {"i": 3, "o": 4}),
            Instance("v", "wire", {"i": 4, "o": 5}),
            Instance("s", "FF", {"C": 1, "D": 5, "Q": 6}),
        ),
    )
    assert found.register_ns == pytest.approx(0.3 + 2 + 2 + 0.1)
    assert "v.g/Y rise" in [step.place for step in found.path]


def test_combinational_loop_is_named() -> None:
    with pytest.raises(KilnError, match=r"combinational loop; break it"):
        timed(
            toy(
                Instance("g", "B1", {"A": 4, "Y": 3}),
                Instance("h", "B1", {"A": 3, "Y": 4}),
            )
        )


def test_unknown_cell_is_named() -> None:
    with pytest.raises(KilnError, match=r"m\.g is a 'NOR'.*same library"):
        timed(toy(Instance("g", "NOR", {"A": 2})))


def test_nothing_to_time_is_said() -> None:
    with pytest.raises(KilnError, match="neither a register nor a path"):
        timed(toy())


def test_compact_table_keeps_critical_paths(
    mac_row: dict[str, Any], compact: Library, reference: Library
) -> None:
    ours, full = analyse(mac_row, compact), analyse(mac_row, reference)
    assert ours.period_ns == pytest.approx(full.period_ns, rel=0.05)
    assert ours.register_ns > 1
    assert sum(step.delay_ns for step in ours.path) == pytest.approx(ours.register_ns, rel=0.01)


def test_hierarchy_costs_little_accuracy(mapped: Mapped, compact: Library) -> None:
    from .conftest import MAC

    deep, shallow = mapped(MAC, "row"), mapped(MAC, "row", "flatten", "opt_clean")
    assert len(read_netlist(shallow).modules) == 1
    one, two = analyse(deep, compact), analyse(shallow, compact)
    assert one.register_ns == pytest.approx(two.register_ns, rel=0.03)
    assert one.register_ns >= two.register_ns * 0.999


@pytest.mark.parametrize(
    "body",
    [
        "input [11:0] a, b, output [11:0] y); assign y = a + b;",
        "input [3:0] a, b, output [7:0] y); assign y = a * b;",
        "input [7:0] a, b, input s, output [7:0] y); assign y = s ? a - b : a ^ b;",
    ],
)
def test_delays_agree_with_abc(body: str, tmp_path: Path, compact: Library) -> None:
    cells = liberty(tmp_path / "cells.lib")
    (tmp_path / "in.v").write_text(f"module m({body} endmodule")
    (tmp_path / "s.abc").write_text("strash; &get -n; &dch -f; &nf; &put; topo; stime")
    log = run_yosys(
        f"read_verilog {tmp_path / 'in.v'}",
        "synth -flatten -top m",
        f"abc -liberty {cells} -script {tmp_path / 's.abc'}",
        f"write_json {tmp_path / 'out.json'}",
    )
    stime = re.search(r"Delay = *([\d.]+) ps", log)
    assert stime is not None
    found = analyse(json.loads((tmp_path / "out.json").read_text()), compact, input_slew_ns=0.0)
    assert found.through_ns == pytest.approx(float(stime[1]) / 1000, rel=0.05)


def test_wires_make_it_slower(mac_row: dict[str, Any], compact: Library) -> None:
    wire = WireLoad(pf_per_um=0.17e-3, first_um=23, next_um=9)
    assert analyse(mac_row, compact, wire=wire).period_ns > analyse(mac_row, compact).period_ns


def test_heavy_net_gets_a_buffer_tree(compact: Library) -> None:
    buffering = Buffering(compact)
    assert buffering.plan(0.1, 0.15).count == 0
    tree = buffering.plan(5.0, 0.15)
    assert tree.count > 5
    assert tree.driver_load_pf <= 0.15
    delay, slew = buffering.along(tree, rising=True, slew_ns=0.1)
    assert 0.1 < delay < 3
    assert slew < 1


def test_figures_say_pre_layout(mac_row: dict[str, Any], compact: Library) -> None:
    found = analyse(mac_row, compact).metrics()
    figure = found["clock_mhz_modelled"]
    assert figure.conditions.startswith("pre-layout; tt_025C_1v80 1.8 V 25 C")
    assert figure.value == pytest.approx(1000 / found.value("critical_path_ns_modelled"))


def test_user_library_times_too() -> None:
    from .test_liberty import TINY

    library = read_liberty_text(TINY)
    module = Module("m", {"i": 2}, {"o": 9}, (Instance("g", "NAND", {"A": 2, "B": "1", "Y": 9}),))
    assert analyse(Netlist({"m": module}, "m"), library).through_ns > 0
