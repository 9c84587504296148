"""Memories that synthesis left alone (``$mem_v2``) become macros that timing and power know."""

from __future__ import annotations

from dataclasses import replace

from boards.liberty import Arc, Cell, Constraint, Library, Pin, Table
from boards.netlist import Instance, Netlist
from hw.contracts import KilnError

from .memories import FLOP_LIMIT_BITS, MemoryMacro, memory_macro

__all__ = ["MEMORY_TYPE", "bind_memories"]

MEMORY_TYPE = "$mem_v2"

# Pins of the published macros: 6.89 fF each, and a transition of 0.1 ns at their output.
_PIN_PF = 0.00689
_OUTPUT_LOAD_PF = 0.0276
_OUTPUT_SLEW_NS = 0.1
# Published set-up times are negative, since the macro samples in the second half of the cycle.
_SETUP_NS = 0.0


def bind_memories(
    netlist: Netlist, library: Library
) -> tuple[Netlist, Library, dict[str, MemoryMacro]]:
    """Replace every memory of `netlist` by a macro.

    Returns
    -------
    Netlist, Library, dict
        The netlist with macros for memories, the library with a cell for each macro, and the
        macros by cell name.

    Raises
    ------
    KilnError
        A memory small enough for flip-flops, which synthesis should have mapped.
    """
    macros: dict[str, MemoryMacro] = {}
    cells: dict[str, Cell] = {}

    def bind(instance: Instance) -> Instance:
        if instance.type != MEMORY_TYPE:
            return instance
        macro = _macro(instance)
        macros[macro.name] = macro
        cells.setdefault(macro.name, _cell(macro, instance))
        return replace(instance, type=macro.name)

    modules = {
        name: replace(module, instances=tuple(bind(item) for item in module.instances))
        for name, module in netlist.modules.items()
    }
    if not macros:
        return netlist, library, {}
    bound = replace(netlist, modules=modules)
    return bound, replace(library, cells={**library.cells, **cells}), macros


def _macro(instance: Instance) -> MemoryMacro:
    words, width, read_ports, write_ports = (
        instance.number(name) for name in ("SIZE", "WIDTH", "RD_PORTS", "WR_PORTS")
    )
    if words * width <= FLOP_LIMIT_BITS:
        raise KilnError(
            f"sky130: memory {instance.name!r} of {words}x{width} bits is left unmapped; run "
            f"memory_map on memories of up to {FLOP_LIMIT_BITS} bits"
        )
    return memory_macro(words, width, read_ports, write_ports)


def _cell(macro: MemoryMacro, instance: Instance) -> Cell:
    """Return the macro as a library cell with the pins of the memory it stands for."""
    outputs = [pin for pin in instance.pins if pin.startswith("RD_DATA")]
    clocks = [pin for pin in instance.pins if pin.startswith(("RD_CLK", "WR_CLK"))]
    clocked = "1" in str(instance.parameters.get("RD_CLK_ENABLE", "1"))
    inputs = [pin for pin in instance.pins if pin not in outputs and pin not in clocks]
    addresses = [pin for pin in inputs if pin.startswith("RD_ADDR")]
    sources = [clocks[0]] if clocked else addresses
    sampled = inputs if clocked else [pin for pin in inputs if pin.startswith("WR_")]
    access = Table((0.0,), (0.0,), ((macro.access_ns,),))
    slew = Table((0.0,), (0.0,), ((_OUTPUT_SLEW_NS,),))
    setup = Table((0.0,), (0.0,), ((_SETUP_NS,),))
    pins = [Pin(name=name, output=True, max_load_pf=_OUTPUT_LOAD_PF) for name in outputs]
    pins += [
        Pin(name=name, output=False, capacitance_pf=_PIN_PF, clock=name in clocks)
        for name in (*inputs, *clocks)
    ]
    return Cell(
        name=macro.name,
        area_um2=macro.area_um2,
        leakage_nw=macro.leakage_nw,
        pins={pin.name: pin for pin in pins},
        arcs=tuple(
            Arc(
                source=source,
                target=target,
                sense="non_unate",
                edge="rising_edge" if clocked else "",
                rise=access,
                fall=access,
                rise_slew=slew,
                fall_slew=slew,
            )
            for target in outputs
            for source in sources
        ),
        constraints=tuple(
            Constraint(pin=pin, clock=clocks[0], kind="setup", rise=setup, fall=setup)
            for pin in sampled
            if clocks
        ),
        usable=False,
    )
