"""Names of a flattened netlist: of registers, by the instance that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from .netlist import Bit

__all__ = ["Names"]

_DRIVER, _FLATTEN = "$driver$", "$flatten\\"


class Names:
    """The names in one module of a netlist that Yosys wrote."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        self._nets: Mapping[str, Any] = module["netnames"]
        self._cells: Mapping[str, Any] = module["cells"]
        self._ports: Mapping[str, Any] = module["ports"]
        self._used: set[str] = set()

    @cached_property
    def first_free(self) -> int:
        """A number above those of all nets."""
        highest = 1
        for net in self._nets.values():
            highest = max([highest, *(bit for bit in net["bits"] if isinstance(bit, int))])
        return highest + 1

    @cached_property
    def _inits(self) -> dict[Bit, str]:
        inits: dict[Bit, str] = {}
        for net in self._nets.values():
            if "init" in net["attributes"]:
                value = net["attributes"]["init"]
                inits |= dict(zip(net["bits"], reversed(value), strict=False))
        return inits

    @cached_property
    def _public(self) -> dict[Bit, list[tuple[str, int]]]:
        """Public nets of each bit of a register, with its place in them."""
        wanted = {
            bit
            for cell in self._cells.values()
            if "Q" in cell["connections"]
            for bit in cell["connections"]["Q"]
        }
        found: dict[Bit, list[tuple[str, int]]] = {}
        for name, net in self._nets.items():
            if net["hide_name"]:
                continue
            for at, bit in enumerate(net["bits"]):
                if bit in wanted:
                    found.setdefault(bit, []).append((name, at))
        return found

    @cached_property
    def is_slang(self) -> bool:
        """Whether `read_slang` made the netlist."""
        return any(name.startswith(_DRIVER) for name in self._cells)

    @cached_property
    def _words(self) -> dict[tuple[Bit, ...], list[str]]:
        """Public nets by their bits."""
        found: dict[tuple[Bit, ...], list[str]] = {}
        for name, net in self._nets.items():
            if not net["hide_name"]:
                found.setdefault(tuple(net["bits"]), []).append(name)
        return found

    def net(self, cell: str, output: Sequence[Bit]) -> str:
        """Return the net that a cell drives, in its own instance if there is one; else ""."""
        prefix = self.instance(cell)
        names = self._words.get(tuple(output), ())
        return min(names, key=lambda n: (not n.startswith(prefix), len(n), n), default="")

    def instance(self, cell: str) -> str:
        """Return the instance that holds a cell, with a dot; "" for the top, or if unknown."""
        return _instance(cell)[0]

    def of(self, cell: str, q: Sequence[Bit]) -> str:
        """Return the name of a register, once only: its net's, with the bits if it is a part."""
        name = self._register(cell, q)
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def _register(self, cell: str, q: Sequence[Bit]) -> str:
        if cell.startswith(_DRIVER):  # read_slang says it, to the field of a structure
            return cell.removeprefix(_DRIVER)
        prefix, depth = _instance(cell)
        fitting = []
        for name, at in self._public.get(q[0], ()):
            net = self._nets[name]
            if tuple(net["bits"][at : at + len(q)]) == tuple(q):
                part = len(net["bits"]) != len(q)
                inside = str(net["attributes"].get("hdlname", "")).count(" ")
                deeper = not name.startswith(prefix) or inside > depth
                fitting.append((deeper, part, name in self._ports, len(name), name, at))
        if not fitting:
            return cell
        _, part, _, _, name, at = min(fitting)
        low = at + int(self._nets[name].get("offset", 0))
        return f"{name}[{low + len(q) - 1}:{low}]" if part else name

    def initial(self, q: Sequence[Bit]) -> int:
        """Return the initial value of a register; unknown bits are 0."""
        return sum((self._inits.get(bit) == "1") << at for at, bit in enumerate(q))

    def place(self, thing: Mapping[str, Any]) -> str:
        """Return the file and line of a cell or net; "" if unknown."""
        first = str(thing["attributes"].get("src", "")).partition("|")[0]
        path, colon, line = first.rpartition(":")
        return f"{path}:{line.partition('.')[0]}" if colon else ""

    def place_of(self, net: str) -> str:
        return self.place(self._nets[net]) if net in self._nets else ""


def _instance(cell: str) -> tuple[str, int]:
    """Return the instance that holds a cell, with a dot behind it, and how deep that is.

    Flattening tells it: ``$flatten\\u_core.\\u_fifo.$procdff$55``.
    """
    inside, dot, _ = cell.removeprefix(_FLATTEN).partition(".$")
    if not cell.startswith(_FLATTEN) or not dot:
        return "", 0
    return inside.replace(".\\", ".") + ".", inside.count(".\\") + 1
