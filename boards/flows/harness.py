"""The registered harness: any design on three pins, every path from register to register.

Routers without an out-of-context mode place every port on a pin, of which a small part has few
and a matrix engine wants hundreds. So inputs come from a scan chain, and outputs are folded, three
at a time, into a chain of registers. It is written in the family's own cells and adds nothing to
the area that synthesis reports. A bitstream needs pins in every family, and takes it on ECP5 too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hw.export import ExportedDesign, Port

__all__ = ["HARNESS_FILE", "HARNESS_TOP", "harness"]

HARNESS_TOP = "kiln_harness"
HARNESS_FILE = "harness.v"

_CLOCKS = ("aclk", "clk")
_XOR4 = "16'h6996"
_CELLS = {
    "ice40": (
        "SB_DFF {name} (.C(clk), .D({d}), .Q({q}));",
        "SB_LUT4 #(.LUT_INIT({init})) {name} (.I0({a}), .I1({b}), .I2({c}), .I3({d}), .O({q}));",
    ),
    "ecp5": (
        'TRELLIS_FF #(.GSR("DISABLED"), .CEMUX("1"), .CLKMUX("CLK"), .LSRMUX("LSR"), '
        ".REGSET(\"RESET\")) {name} (.CLK(clk), .LSR(1'b0), .CE(1'b1), .DI({d}), .Q({q}));",
        "LUT4 #(.INIT({init})) {name} (.A({a}), .B({b}), .C({c}), .D({d}), .Z({q}));",
    ),
}
"""Register and look-up table of each family."""


def harness(design: ExportedDesign, family: str = "ice40") -> str:
    """Return the harness around `design`'s top in Verilog made of the family's cells."""
    register, lut = _CELLS[family]
    ins = [port for port in design.ports if port.is_input and port.name not in _CLOCKS]
    outs = [port for port in design.ports if not port.is_input]
    lines = (
        f"module {HARNESS_TOP}(input clk, input si, output so);",
        *_scan(sum(port.width for port in ins), register),
        *_fold(sum(port.width for port in outs), register, lut),
        f"{design.top} dut (",
        ",\n".join(_connections(design.ports, ins, outs)),
        ");",
        "endmodule",
        "",
    )
    return "\n".join(lines)


def _scan(bits: int, register: str) -> Iterator[str]:
    """Registers that a pin shifts into, one for each input bit."""
    yield f"wire [{bits}:0] x; assign x[0] = si;"
    for i in range(bits):
        yield register.format(name=f"x{i}", d=f"x[{i}]", q=f"x[{i + 1}]")


def _fold(bits: int, register: str, lut: str) -> Iterator[str]:
    """A register for three output bits each, their parity with the register before."""
    steps = -(-bits // 3)
    yield f"wire [{3 * steps - 1}:0] y; wire [{steps}:0] p, d;"
    yield f"assign p[0] = 1'b0; assign so = p[{steps}];"
    if bits < 3 * steps:
        yield f"assign y[{3 * steps - 1}:{bits}] = 0;"
    for i in range(steps):
        a, b, c = (f"y[{3 * i + j}]" for j in range(3))
        yield lut.format(name=f"l{i}", init=_XOR4, a=a, b=b, c=c, d=f"p[{i}]", q=f"d[{i}]")
        yield register.format(name=f"p{i}", d=f"d[{i}]", q=f"p[{i + 1}]")


def _connections(ports: Iterable[Port], ins: list[Port], outs: list[Port]) -> Iterator[str]:
    """Named connections of the top: clock, slices of the scan chain, slices of the fold."""
    yield from (f"  .{port.name}(clk)" for port in ports if port.name in _CLOCKS)
    for vector, group, low in (("x", ins, 1), ("y", outs, 0)):
        for port in group:
            yield f"  .{port.name}({vector}[{low + port.width - 1}:{low}])"
            low += port.width
