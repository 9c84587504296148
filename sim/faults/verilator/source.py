"""What is compiled: the netlist as Verilog, a bench around it, and where everything lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from boards.frozen import Frozen, write_verilog

__all__ = ["MODULE", "TOP", "Source", "write_source"]

MODULE = "kiln_design"
TOP = "kiln_bench"
_PUBLIC = "/*verilator public_flat_rd*/"
"""What is poked is settled by evaluating everything that is no state, as at the start: ``_rw``
would have Verilator look for pokes in every evaluation, which takes longer."""


@dataclass(frozen=True, slots=True)
class Source:
    """Verilog of the bench, and C++ tables for ``verilator.cpp``."""

    verilog: str
    tables: str


def write_source(
    netlist: Frozen, *, nets: bool, cells: str = "", outputs: Mapping[str, str] | None = None
) -> Source:
    """Return what Verilator compiles.

    Parameters
    ----------
    nets : bool
        Whether each cell's output goes through masks by which it can be inverted or held.
    cells : str
        Verilog of the cells that are not Yosys' own.
    outputs : dict of str to str
        The output pin of each of those.
    """
    firsts = _firsts(netlist)
    total = max(1, firsts[-1])
    masks = [
        f"reg [{total - 1}:0] {name} {_PUBLIC};\ninitial {name} = {value}{total}'h0;"
        for name, value in (("keep", "~"), ("turn", ""))
    ]

    def masked(at: int, text: str) -> str:
        part = f"[{firsts[at + 1] - 1}:{firsts[at]}]"
        return f"({text} & keep{part}) ^ turn{part}"

    design = write_verilog(
        replace(netlist, top=MODULE),
        numbered=True,
        note=_PUBLIC,
        outputs=outputs,
        around=masked if nets else None,
        declarations=masks if nets else (),
    )
    return Source("\n".join([cells, design, _bench(netlist)]), _tables(netlist, nets))


def _firsts(netlist: Frozen) -> list[int]:
    """Return the first bit of each cell in the masks, and their width."""
    return [0, *accumulate(len(cell.output) for cell in netlist.cells)]


def _bench(netlist: Frozen) -> str:
    """Return a module that registers the inputs, so that one evaluation makes a cycle."""
    ports, lines, joined = ["clk"], ["input clk;"], []
    for at, port in enumerate(netlist.ports):
        wide = f"[{len(port.bits) - 1}:0]"
        if port.name == netlist.clock:
            joined.append(f".p{at}(clk)")
            continue
        joined.append(f".p{at}(v{at})")
        if port.is_input:
            ports.append(f"q{at}")
            lines += [f"input {wide} q{at};", f"reg {wide} v{at} {_PUBLIC};"]
            lines.append(f"always @(posedge clk) v{at} <= q{at};")
        else:
            ports.append(f"v{at}")
            lines.append(f"output {wide} v{at};")
    head = f"module {TOP}({', '.join(ports)});"
    return "\n".join([head, *lines, f"{MODULE} u({', '.join(joined)});", "endmodule", ""])


def _tables(netlist: Frozen, nets: bool) -> str:
    """Return where ports, flip-flops, memories and masks lie, and their widths."""
    inner = f"{TOP}__DOT__u__DOT__"

    def row(name: str, width: int, rows: int = 0) -> str:
        return f"{{offsetof(Root, {name}), sizeof(Root::{name}), {width}, {rows}}},"

    inputs, outputs, seen = [], [], []
    for at, port in enumerate(netlist.ports):
        width = len(port.bits)
        value = f"{TOP}__DOT__v{at}" if port.is_input else f"v{at}"
        if port.name == netlist.clock:
            seen.append("{0, 0, 0, 0},")
            continue
        seen.append(row(value, width))
        if port.is_input:
            inputs += [row(f"q{at}", width), row(value, width)]
        else:
            outputs.append(row(value, width))
    flops = [row(f"{inner}f{at}", len(flop.q)) for at, flop in enumerate(netlist.flops)]
    memories = [row(f"{inner}m{at}", m.width, m.size) for at, m in enumerate(netlist.memories)]
    firsts = _firsts(netlist)
    cells = [
        f"{{{first}, {width}}},"
        for first, width in zip(firsts, (len(c.output) for c in netlist.cells), strict=False)
    ]
    masks = [row(f"{inner}{name}", firsts[-1]) for name in ("keep", "turn")] if nets else []
    tables = {
        "INPUTS": inputs, "OUTPUTS": outputs, "PORTS": seen, "FLOPS": flops,
        "MEMORIES": memories, "MASKS": masks,
    }  # fmt: skip
    found = [
        f"static const std::vector<Var> {name} = {{{' '.join(rows)}}};"
        for name, rows in tables.items()
    ]
    return "\n".join([*found, f"static const std::vector<Cell> CELLS = {{{' '.join(cells)}}};"])
