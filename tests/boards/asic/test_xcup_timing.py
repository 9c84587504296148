"""Estimated clocks of UltraScale+: the delay table on netlists small enough to check by hand."""

from __future__ import annotations

import json
import statistics
from importlib import resources
from pathlib import Path

import pytest

from boards.cache import Cache
from boards.flows import synthesis
from boards.metrics import Fidelity
from boards.netlist import Instance, Module, Netlist, read_netlist
from boards.target import load_target
from boards.timing.fabric import analyse_fabric
from boards.timing.xcup import analyse_xcup, method_error, xcup_metrics
from hw.contracts import KilnError
from hw.export import export
from hw.export.yosys import run_yosys
from hw.matrix import MatrixConfig


def netlist(*instances: Instance) -> Netlist:
    return Netlist({"m": Module("m", {"c": 1, "i": 2}, {}, instances)}, "m")


def ff(name: str, d: int, q: int) -> Instance:
    return Instance(name, "FDRE", {"C": 1, "CE": "1", "R": "0", "D": d, "Q": q})


def test_register_lut_register() -> None:
    found = analyse_xcup(
        netlist(ff("r", 2, 3), Instance("l", "LUT4", {"I0": 3, "O": 4}), ff("s", 4, 5))
    )
    # clock to output and a net, LUT4 and the short way to the flip-flop behind it
    assert found.register_ns == pytest.approx(0.077 + 0.145 + 0.114 + 0.050)


def test_more_loads_take_longer() -> None:
    luts = [Instance(f"l{i}", "LUT2", {"I0": 3, "O": 10 + i}) for i in range(30)]
    few = analyse_xcup(netlist(ff("r", 2, 3), luts[0], ff("s", 10, 5)))
    many = analyse_xcup(netlist(ff("r", 2, 3), *luts, ff("s", 10, 5)))
    assert many.register_ns > few.register_ns + 0.1


def test_inverter_is_absorbed() -> None:
    lut = Instance("l", "LUT2", {"I0": 4, "O": 5})
    inverted = netlist(ff("r", 2, 3), Instance("n", "INV", {"I": 3, "O": 4}), lut, ff("s", 5, 6))
    plain = netlist(ff("r", 2, 4), lut, ff("s", 5, 6))
    assert analyse_xcup(inverted).register_ns == pytest.approx(analyse_xcup(plain).register_ns)


def dsp(name: str, a: int, p: int, **registers: int) -> Instance:
    pins = {"CLK": 1, "A[0]": a, "A[1]": "0", "P[0]": p, "P[1]": 99}
    used = {"AREG": 0, "MREG": 0, "PREG": 0, **registers}
    return Instance(name, "DSP48E2", pins, {key: f"{n:032b}" for key, n in used.items()})


def test_registers_inside_a_dsp_shorten_its_paths() -> None:
    def register_ns(**registers: int) -> float:
        block = dsp("d", 3, 4, **registers)
        return analyse_xcup(netlist(ff("r", 2, 3), block, ff("s", 4, 5))).register_ns

    unregistered, output, both = register_ns(), register_ns(PREG=1), register_ns(AREG=1, PREG=1)
    assert unregistered > 1.6
    assert both < output < unregistered


def carries(count: int) -> float:
    """Return the path in ns from a register into the lowest carry, and out of the highest."""
    chain = [
        Instance(
            f"c{i}",
            "CARRY8",
            {"S[0]": "0" if i else 3, "CI": 200 + i if i else "0", "O[7]": 100, "CO[7]": 201 + i},
        )
        for i in range(count)
    ]
    chain[:-1] = [
        Instance(c.name, c.type, {k: v for k, v in c.pins.items() if k != "O[7]"})
        for c in chain[:-1]
    ]
    return analyse_xcup(netlist(ff("r", 2, 3), *chain, ff("s", 100, 5))).register_ns


def test_carries_and_dsp_blocks_take_what_the_table_says() -> None:
    # clock to output, the way to a carry, S to O, the way to the flip-flop
    assert carries(1) == pytest.approx(0.077 + 0.050 + 0.140 + 0.015)
    # S to CO, between blocks, CI to O; each block between them 23 + 26 ps and a way
    assert carries(2) == pytest.approx(0.077 + 0.050 + 0.160 + 0.015 + 0.095 + 0.015)
    assert carries(3) == pytest.approx(carries(2) + 0.049 + 0.015)
    through = analyse_xcup(netlist(ff("r", 2, 3), dsp("d", 3, 4), ff("s", 4, 5)))
    assert through.register_ns == pytest.approx(0.077 + 0.145 + 1.520 + 0.050)
    into = analyse_xcup(netlist(ff("r", 2, 3), dsp("d", 3, 4, PREG=1), ff("s", 4, 5)))
    assert into.register_ns == pytest.approx(0.077 + 0.145 + 1.450)


def test_unknown_cell_is_named() -> None:
    with pytest.raises(KilnError, match="'GTYE4' is not in the delay table of 'speed -2' parts"):
        analyse_xcup(netlist(Instance("x", "GTYE4", {"A": 2})))


@pytest.mark.slow
def test_synthesised_adder_is_estimated(tmp_path: Path) -> None:
    (tmp_path / "in.v").write_text(
        "module m(input clk, input [31:0] a, b, output reg [31:0] s); reg [31:0] x, y;"
        "always @(posedge clk) begin x <= a; y <= b; s <= x + y; end endmodule"
    )
    run_yosys(
        f"read_verilog {tmp_path / 'in.v'}",
        "synth_xilinx -family xcup -noiopad -noclkbuf -top m",
        f"write_json {tmp_path / 'out.json'}",
    )
    found = analyse_xcup(read_netlist(json.loads((tmp_path / "out.json").read_text())))
    # A 32-bit carry chain on this fabric: between 400 MHz and its clock limit.
    assert 400 < found.clock_mhz < 1500
    figure = xcup_metrics(found)["clock_mhz_estimated"]
    assert figure.fidelity is Fidelity.ESTIMATED
    assert "RapidWright" in figure.conditions
    assert "the same method on" in figure.conditions


def test_the_same_method_knows_ecp5() -> None:
    found = analyse_fabric(
        netlist(
            Instance("r", "TRELLIS_FF", {"CLK": 1, "DI": 2, "Q": 3}),
            Instance("l", "LUT4", {"A": 3, "B": "0", "C": "0", "D": "0", "Z": 4}),
            Instance("s", "TRELLIS_FF", {"CLK": 1, "DI": 4, "Q": 5}),
        ),
        "ecp5",
    )
    assert found.register_ns == pytest.approx(0.309 + 0.442 + 0.141 + 0.106)


def test_error_of_the_method_is_quoted_with_its_sign() -> None:
    text = resources.files("boards.timing").joinpath("method.json").read_text(encoding="utf-8")
    found = json.loads(text)
    errors = [row["error"] for row in found["rows"]]
    assert found["designs"] == len(errors) >= 20
    assert found["mean"] == pytest.approx(statistics.mean(errors), abs=1e-4)
    assert found["spread"] == pytest.approx(statistics.stdev(errors), abs=1e-4)
    for row in found["rows"]:
        assert row["error"] == pytest.approx(row["estimated_mhz"] / row["routed_mhz"] - 1, abs=2e-3)
    report = analyse_xcup(netlist(ff("r", 2, 3), ff("s", 3, 4)))
    assert method_error() in xcup_metrics(report)["clock_mhz_estimated"].conditions
    assert f"on {len(errors)} routed ECP5 designs: {found['mean']:+.1%} mean" in method_error()


@pytest.mark.parametrize("multiplier", ["dsp", "lut"])
def test_the_record_of_the_method_is_that_of_the_table_as_it_is(
    cache: Cache, multiplier: str
) -> None:
    """The smallest designs, whose paths cross a DSP block and a carry chain, estimated again."""
    knobs = {
        "rows": 2, "cols": 2, "dataflow": "os", "operand_bits": 8, "multiplier": multiplier,
        "pipeline": 0, "a_depth": 256, "b_depth": 512, "banks": 1, "result_ratio": 1,
    }  # fmt: skip
    point = " ".join(f"{name}={value}" for name, value in knobs.items())
    text = resources.files("boards.timing").joinpath("method.json").read_text(encoding="utf-8")
    (row,) = [row for row in json.loads(text)["rows"] if row["design"] == point]
    design = export(MatrixConfig.from_knobs(**knobs))
    mapped = synthesis(design, load_target("ecpix5-85f"), cache=cache).netlist
    found = analyse_fabric(read_netlist(mapped, design.top), "ecp5").clock_mhz
    assert found == pytest.approx(row["estimated_mhz"], abs=0.1)


def test_family_without_table_is_named() -> None:
    with pytest.raises(KilnError, match="no delay table for family 'ice40'"):
        analyse_fabric(netlist(ff("r", 2, 3)), "ice40")
