"""Delays of an FPGA fabric as a cell library, for an estimate before placement.

A load is one pin, a "capacitance" of one; the delay of a net depends on how many it reaches and is
part of the arc that drives it. Pins that lie beside their driver (a flip-flop behind its LUT, the
next carry) count as none. The tables, ``xcup.toml`` and ``ecp5.toml``, name their sources.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from typing import Any

from boards.liberty import Arc, Cell, Constraint, Library, Pin, Table
from boards.netlist import Instance, Netlist
from hw.contracts import KilnError

from .analysis import TimingReport, analyse

__all__ = ["analyse_fabric", "fabric_library", "fabric_table"]

_CLOCKS = ("C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK", "WCK", "CLKA", "CLKB", "CLKR", "CLKW")
# Patterns that stand for all ports beginning so: DOUTADOUT, ADDRARDADDR ...
_FAMILIES = ("AD", "ADDR", "CE", "DI", "DIN", "DO", "DOUT", "EN", "WE")
_SLEW = Table((0.0,), (0.0,), ((0.0,),))


Fabric = Mapping[str, Any]


def analyse_fabric(netlist: Netlist, family: str) -> TimingReport:
    """Return the timing of a netlist mapped to ``xcup`` or ``ecp5``, an estimate."""
    bound, library = fabric_library(netlist, family)
    return analyse(bound, library, clock_slew_ns=0.0, input_slew_ns=0.0)


@lru_cache(maxsize=4)
def fabric_table(family: str) -> Fabric:
    """Return the delay table of a family, as ``<family>.toml`` has it."""
    return tomllib.loads(_text(family))


def fabric_library(netlist: Netlist, family: str) -> tuple[Netlist, Library]:
    """Return the netlist with its DSP and RAM variants told apart, and a library of its cells.

    Raises
    ------
    KilnError
        A cell of which the table says nothing.
    """
    fabric = fabric_table(family)
    cells: dict[str, Cell] = {}

    def bind(instance: Instance) -> Instance:
        if instance.type in netlist.modules:
            return instance
        name = _variant(instance)
        known = cells.get(name)
        if known is None or not instance.pins.keys() <= known.pins.keys():
            cells[name] = _cell(fabric, name, instance, known)
        return replace(instance, type=name)

    modules = {
        name: replace(module, instances=tuple(bind(item) for item in module.instances))
        for name, module in netlist.modules.items()
    }
    library = Library(
        name=family,
        voltage=fabric["voltage"],
        temperature_c=fabric["temperature_c"],
        process=fabric["process"],
        cells=cells,
        digest=hashlib.sha256(_text(family).encode()).hexdigest(),
        source=fabric["source"],
    )
    return replace(netlist, modules=modules), library


def _text(family: str) -> str:
    file = resources.files("boards.timing").joinpath(f"{family}.toml")
    if not file.is_file():
        raise KilnError(f"timing: no delay table for family {family!r}; use 'xcup' or 'ecp5'")
    return file.read_text(encoding="utf-8")


def _variant(instance: Instance) -> str:
    """Return the type and, of a cell with optional registers, which of them it has."""
    if instance.type == "DSP48E2":
        used = [r for r in ("AREG", "MREG", "PREG") if instance.number(r)]
        return "/".join([instance.type, *used])
    if instance.type.startswith("RAMB"):
        registered = instance.number("DOA_REG") or instance.number("DOB_REG")
        return f"{instance.type}/DO_REG" if registered else instance.type
    return instance.type


def _cell(fabric: Fabric, name: str, instance: Instance, known: Cell | None) -> Cell:
    """Return the cell with all pins that the instance, or those before it, connect."""
    pins = [*(known.pins if known else ()), *instance.pins]
    names = list(dict.fromkeys(pins))
    about = _about(fabric, name, instance.type)
    clock = next((pin for pin in names if pin in _CLOCKS), "")
    arcs = list(_arcs(fabric["net"], about, names, clock))
    outputs = {arc.target for arc in arcs} | {pin for pin in names if _is_output(pin, about)}
    near = tuple(about.get("near", ()))
    return Cell(
        name=name,
        area_um2=0.0,
        leakage_nw=0.0,
        pins={
            pin: Pin(
                name=pin,
                output=pin in outputs,
                capacitance_pf=0.0 if pin.startswith(near) and near else 1.0,
                clock=pin in _CLOCKS,
            )
            for pin in names
        },
        arcs=tuple(arcs),
        constraints=tuple(_setups(about, names, clock, outputs)),
        usable=False,
    )


def _is_output(pin: str, about: Mapping[str, Any]) -> bool:
    return pin.startswith(tuple(row[0] for row in about.get("launch", ())) or ("\0",))


def _about(fabric: Fabric, name: str, kind: str) -> Mapping[str, Any]:
    if kind == "DSP48E2":
        return _dsp(fabric["dsp"], name.split("/")[1:])
    about: dict[str, Any] = dict(fabric["cells"].get(kind, {}))
    if not about:
        raise KilnError(
            f"timing: cell {kind!r} is not in the delay table of {fabric['process']!r} parts; "
            "add its delays in boards/timing, or keep it out of the design"
        )
    if name.endswith("/DO_REG"):
        about["launch"] = [["DOUT", 229]]
    return about


def _dsp(table: Mapping[str, int], registers: Sequence[str]) -> Mapping[str, Any]:
    """Return arcs and set-up times of a DSP48E2 with the given registers."""
    operands, addends = ("A", "B", "D"), ("C", "PCIN", "CARRYIN")
    arcs, launch, setup = [], [], []
    if "AREG" in registers:
        setup += [[pin, table["operand_clocked"]] for pin in operands]
    elif "MREG" in registers:
        setup += [[pin, table["operand_to_product"]] for pin in operands]
    elif "PREG" in registers:
        setup += [[pin, table["operand_to_sum"]] for pin in operands]
    else:
        arcs += [[pin, "P", table["operand_to_output"]] for pin in operands]
    if "PREG" in registers:
        launch = [["P", table["output"]]]
        setup += [[pin, table["addend_to_sum"]] for pin in addends]
    else:
        arcs += [[pin, "P", table["addend_to_output"]] for pin in addends]
        if "MREG" in registers:
            launch = [["P", table["product_clocked"]]]
        elif "AREG" in registers:
            launch = [["P", table["operand_clocked_to_output"]]]
    return {"arcs": arcs, "launch": launch, "setup": setup}


def _arcs(
    net: Mapping[str, Any], about: Mapping[str, Any], pins: Sequence[str], clock: str
) -> Iterator[Arc]:
    local = float(about.get("local", net["local"]))
    absorbed = bool(about.get("absorbed"))
    for target in pins:
        for source in pins:
            delay = _between(about, source, target)
            if delay is not None:
                yield _arc(source, target, "", _net(net, delay, local, absorbed))
        for prefix, delay in about.get("launch", ()):
            if clock and _matches(prefix, target):
                yield _arc(clock, target, "rising_edge", _net(net, delay, local, absorbed))


def _between(about: Mapping[str, Any], source: str, target: str) -> float | None:
    """Return the delay of the first arc in the table that joins two pins."""
    if source == target:
        return None
    for start, end, delay in about.get("arcs", ()):
        if _matches(start, source) and _matches(end, target):
            if about.get("ordered") and _index(source) > _index(target):
                return None
            return float(delay)
    return None


def _matches(pattern: str, pin: str) -> bool:
    """Return whether a pin is of a pattern: ``CO[3]`` itself, ``CO`` any bit, ``I`` I0 to I5."""
    if "[" in pattern:
        return pattern == pin
    base = pin.partition("[")[0]
    rest = base.removeprefix(pattern)
    return base == pattern or (rest != base and (rest.isdigit() or pattern in _FAMILIES))


def _index(pin: str) -> int:
    return int(pin.partition("[")[2].rstrip("]") or 0)


def _arc(source: str, target: str, edge: str, table: Table) -> Arc:
    return Arc(
        source=source,
        target=target,
        sense="positive_unate" if not edge else "non_unate",
        edge=edge,
        rise=table,
        fall=table,
        rise_slew=_SLEW,
        fall_slew=_SLEW,
    )


def _net(net: Mapping[str, Any], delay: float, local: float, absorbed: bool) -> Table:
    """Return delay over fan-out: the cell's own, and that of the net it drives."""
    fanouts = (0.0, *(float(fanout) for fanout in net["fanout"]))
    nets = [0.0] * len(fanouts) if absorbed else [local, *net["delay"]]
    return Table((0.0,), fanouts, (tuple((delay + wire) / 1000 for wire in nets),))


def _setups(
    about: Mapping[str, Any], pins: Sequence[str], clock: str, outputs: set[str]
) -> Iterator[Constraint]:
    for prefix, time in about.get("setup", ()):
        table = Table((0.0,), (0.0,), ((time / 1000,),))
        for pin in pins:
            if pin not in outputs and pin not in _CLOCKS and _matches(prefix, pin):
                yield Constraint(pin=pin, clock=clock, kind="setup", rise=table, fall=table)
