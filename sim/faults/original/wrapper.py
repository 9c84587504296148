"""A module around the design with one clock, one vector of inputs and one of outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from boards.frozen import Frozen, Port

__all__ = ["WRAPPER", "row_bytes", "wrapper"]

WRAPPER = "kiln_original"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def row_bytes(ports: Sequence[Port]) -> int:
    """Return the bytes of one cycle's row; a vector is at least one bit."""
    return -(-max(1, sum(len(port.bits) for port in ports)) // 8)


def wrapper(netlist: Frozen, parameters: Mapping[str, str]) -> str:
    """Return Verilog of the module; vectors are whole bytes, the first port lowest."""
    links = [f".{_escaped(netlist.clock)}(clock)"] if netlist.clock else []
    for name, ports in (("i", netlist.inputs), ("o", netlist.outputs)):
        low = 0
        for port in ports:
            links.append(f".{_escaped(port.name)}({name}[{low + len(port.bits) - 1}:{low}])")
            low += len(port.bits)
    used = sum(len(port.bits) for port in netlist.outputs)
    rest = 8 * row_bytes(netlist.outputs) - used
    fill = f"assign o[{used + rest - 1}:{used}] = 0;\n" if rest else ""
    given = ", ".join(f".{name}({value})" for name, value in parameters.items())
    return (
        f"module {WRAPPER}(input wire clock, "
        f"input wire [{8 * row_bytes(netlist.inputs) - 1}:0] i, "
        f"output wire [{8 * row_bytes(netlist.outputs) - 1}:0] o);\n"
        f"{_escaped(netlist.top)} {f'#({given}) ' if given else ''}dut({', '.join(links)});\n"
        f"{fill}endmodule\n"
    )


def _escaped(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f"\\{name} "
