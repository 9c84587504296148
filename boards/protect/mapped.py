"""Mapping to sky130 cells with the redundancy counted, and the mapped netlist as a simulation.

The simulation is bit-parallel: every net is a Python integer, bit i of it the net's value in
experiment i. It serves exhaustive checks of small protected blocks after synthesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from boards.cache import Cache, Entry, cache_key
from boards.flows.scripts import MAPPED_FILE, flat_script, source_text, synthesis_script
from boards.flows.synthesis import asic_files, run_yosys
from boards.netlist import Bit, Module, Netlist, read_netlist
from boards.power.functions import compile_function
from boards.sky130 import library
from boards.sky130.blackboxes import bind_memories
from boards.target import load_target
from boards.timing import analyse
from boards.tools import require_tool
from hw.contracts import KilnError

from .manifest import Manifest, check_manifest

__all__ = ["MappedBlock", "MappedDesign", "map_sky130"]

_LIMIT_S = 3600.0


@dataclass(frozen=True)
class MappedDesign:
    """A design in sky130 cells.

    Members
    -------
    netlist : Netlist
        What Yosys made; modules that were marked are kept apart.
    area_um2, macro_area_um2 : float
        Standard cells; memories, from their table.
    """

    netlist: Netlist
    area_um2: float
    macro_area_um2: float
    text: str = field(repr=False, default="")

    @property
    def gates(self) -> int:
        """Standard cells that are no flip-flops."""
        known = library().cells
        counts = self.netlist.cell_counts.items()
        return sum(n for name, n in counts if name in known and not known[name].sequential)

    @cached_property
    def period_ns(self) -> float:
        """Clock period by static timing before layout, memories at their tables' access times."""
        bound, cells, _ = bind_memories(self.netlist, library())
        return float(analyse(bound, cells).metrics()["critical_path_ns_modelled"].value)


def map_sky130(
    verilog: str, top: str, manifest: Manifest | None = None, *, flat: bool = False
) -> MappedDesign:
    """Map Verilog to sky130 cells, or find that in the cache, and count what must be there.

    Parameters
    ----------
    manifest : Manifest, optional
        The redundancy that must survive.
    flat : bool
        Flatten what is not marked first, as a user's own synthesis might.

    Raises
    ------
    ManifestError
        Synthesis removed redundancy.
    ToolError
        Yosys failed.
    """
    target = load_target("sky130")
    script = (flat_script if flat else synthesis_script)(target, top)
    files = {"design.v": source_text(verilog), **asic_files()}
    tool = require_tool("yosys")

    def make() -> Entry:
        log, made = run_yosys(tool, script, files, (MAPPED_FILE,), _LIMIT_S)
        return Entry(payload={"top": top}, log=log, files=made)

    key = cache_key(tool=tool.identity, script=script, files=files)
    text = Cache().remember("protected", key, make).files[MAPPED_FILE].decode()
    netlist = read_netlist(text, top)
    if manifest is not None:
        check_manifest(netlist, manifest)
    bound, cells, macros = bind_memories(netlist, library())
    areas = {name: cells.cells[name].area_um2 * count for name, count in bound.cell_counts.items()}
    inside = sum(areas[name] for name in macros)
    return MappedDesign(netlist, sum(areas.values()) - inside, inside, text)


@dataclass
class MappedBlock:
    """A mapped module without memories and instances, simulated bit-parallel.

    Parameters
    ----------
    module : Module
        The module.
    lanes : int
        Experiments at once.
    state : dict
        Value of each flip-flop, by its cell's name: all zeros unless loaded.
    """

    module: Module
    lanes: int
    state: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ones = (1 << self.lanes) - 1
        self._cells = library().cells
        for instance in self.module.instances:
            if instance.type not in self._cells:
                raise KilnError(f"{instance.name}: no cell {instance.type}; flatten the module")
        for name in self.flops:
            self.state.setdefault(name, 0)

    @cached_property
    def flops(self) -> dict[str, Any]:
        """Flip-flops by the name of their cell."""
        return {i.name: i for i in self.module.instances if self._cells[i.type].sequential}

    def flops_of(self, net: str) -> list[str]:
        """Return the flip-flops that drive a net of that name, one or more for its bits."""
        return [
            name
            for name, flop in self.flops.items()
            if net in self.module.names.get(flop.pins.get("Q", ""), ())
        ]

    @cached_property
    def _order(self) -> list[tuple[Any, Bit, tuple[Bit, ...]]]:
        """Gates as (function, output, inputs), drivers before their readers."""
        waiting = []
        for instance in self.module.instances:
            cell = self._cells[instance.type]
            if cell.sequential:
                continue
            names = tuple(pin.name for pin in cell.inputs)
            for pin in cell.outputs:
                if pin.name in instance.pins:
                    function = compile_function(pin.function, names)
                    inputs = tuple(instance.pins[name] for name in names)
                    waiting.append((function, instance.pins[pin.name], inputs))
        driven: dict[Bit, int] = {out: at for at, (_, out, _) in enumerate(waiting)}
        order: list[Any] = []
        done: set[int] = set()

        def visit(at: int) -> None:
            stack = [at]
            while stack:
                here = stack[-1]
                missing = [
                    driven[bit]
                    for bit in waiting[here][2]
                    if bit in driven and driven[bit] not in done
                ]
                if missing and here not in done:
                    stack.extend(missing)
                    continue
                stack.pop()
                if here not in done:
                    done.add(here)
                    order.append(waiting[here])

        for at in range(len(waiting)):
            visit(at)
        return order

    def settle(self, inputs: Mapping[str, int], flips: Mapping[Bit, int] | None = None) -> None:
        """Evaluate the logic; `inputs` by the name of the port bit, such as ``d[3]``.

        `flips` inverts the gate outputs on the nets named, in the experiments of a mask.
        """
        values: dict[Bit, int] = {"0": 0, "1": self.ones, "x": 0}
        for name, bit in self.module.inputs.items():
            values[bit] = inputs.get(name, 0)
        for name, flop in self.flops.items():
            values[flop.pins["Q"]] = self.state[name]
        for function, output, bits in self._order:
            value = function(*(values[bit] for bit in bits)) & self.ones
            values[output] = value ^ (flips or {}).get(output, 0)
        self.values = values

    def output(self, name: str) -> int:
        """Return an output after `settle`."""
        return self.values[self.module.outputs[name]]

    def tick(self) -> None:
        """End the cycle: every flip-flop takes its input."""
        self.state = {n: self.values[flop.pins["D"]] for n, flop in self.flops.items()}
