"""Verilog identifiers: readable, unique in their module, and the same in every run."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .netlist import Netlist
from .rtlil import Chunk

__all__ = ["Names", "identifier"]

_KEYWORDS = frozenset(
    """always and assign automatic begin bit buf bufif0 bufif1 byte case casex casez cell cmos
    config const constraint continue cover deassign default defparam design disable do edge else
    end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable
    endtask enum event expect export extends extern final first_match for force foreach forever
    fork forkjoin function generate genvar global highz0 highz1 if iff ifnone import incdir include
    initial inout input inside instance int integer interface intersect join large liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge new nmos
    nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge
    primitive priority program property protected pull0 pull1 pulldown pullup pure rand real
    realtime ref reg release repeat return rcmos rnmos rpmos rtran rtranif0 rtranif1 scalared
    sequence shortint showcancelled signed small solve specify specparam static string strong0
    strong1 struct super supply0 supply1 table tagged task this throughout time timeprecision
    timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union unique
    unsigned use uwire var vectored virtual void wait wand weak0 weak1 while wildcard wire with
    within wor xnor xor""".split()  # noqa: SIM905 - one word a line would be 250 lines
)


def identifier(name: str) -> str:
    """Return RTLIL or Amaranth `name` as a Verilog identifier, its path joined by underscores."""
    name = name.removesuffix(".live")
    plain = re.sub(r"\W+", "_", name.replace("__", "_").lstrip("\\$")).strip("_")
    if not plain or plain[0].isdigit():
        plain = f"n{plain}"
    return f"{plain}_" if plain in _KEYWORDS else plain


class Names:
    """Gives each wire, memory and instance of one module its identifier."""

    def __init__(self, netlist: Netlist) -> None:
        self._netlist = netlist
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self.of: dict[str, str] = {}
        self.parts: dict[Chunk, str] = {}
        module = netlist.module
        ports = [wire.name for wire in module.wires.values() if wire.port]
        self._assign_all((port, port) for port in ports)
        self._assign_all((memory, memory) for memory in module.memories)
        self._assign_all(self._best_names())
        self._collect_parts()

    def new(self, wanted: str) -> str:
        """Return `wanted`, or `wanted` with a number where it is taken."""
        name, number = wanted, self._counts.get(wanted, 0)
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._counts[wanted] = number
        self._taken.add(name)
        return name

    def numbered(self, noun: str) -> str:
        """Return `noun` with the next free number."""
        self._taken.add(noun)
        return self.new(noun)

    def _assign_all(self, pairs: Iterable[tuple[str, str]]) -> None:
        for wire, wanted in pairs:
            if wire not in self.of:
                self.of[wire] = self.new(identifier(wanted))

    def _best_names(self) -> Iterable[tuple[str, str]]:
        """Of all names that the source has for one wire, take that of the innermost signal."""
        wires = self._netlist.module.wires
        names: dict[str, list[str]] = {}
        for alias, sig in self._netlist.aliases.items():
            if len(sig) == 1 and sig[0].wire and sig[0].width == wires[sig[0].wire].width:
                names.setdefault(sig[0].wire, []).append(alias)
        for wire in wires:
            if wire.startswith("\\") and wire in self._netlist.need:
                known = [wire, *names.get(wire, [])]
                yield wire, min(known, key=_depth)

    def _collect_parts(self) -> None:
        """Find the fields of structures that have a name of their own."""
        for alias, sig in self._netlist.aliases.items():
            is_part = len(sig) == 1 and sig[0].wire in self.of and "." in alias
            if is_part and "[" not in alias and sig[0] not in self.parts:
                whole = self._netlist.module.wires[sig[0].wire].width
                if sig[0].width < whole:
                    self.parts[sig[0]] = identifier(alias)


def _depth(name: str) -> tuple[int, int, str]:
    return name.count(".") + name.count("["), name.count("__"), name
