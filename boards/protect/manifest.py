"""The manifest of a protection: what must be left of it after synthesis, counted there.

Synthesis deletes redundancy without a word: equal registers are one register to it. A flip-flop of
a replica that is missing, or is shared with another replica, a voter or a checker that is gone, all
fail the build.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from boards.netlist import Bit, Instance, Module, Netlist
from boards.sky130 import library
from hw.contracts import KilnError

__all__ = ["Manifest", "ManifestError", "Replicas", "check_manifest", "count_manifest"]

_PORT = re.compile(r"\$r\d+\$check(\|.*)?$")
_FLOPS = ("TRELLIS_FF", "$dff", "FDRE", "FDSE", "FDCE", "FDPE")
_REGISTERED = re.compile(r"DP16KD|PDPW16KD|SB_RAM40_4K|SB_SPRAM|RAMB\d+E2|URAM")
_MACRO = "$mem_v2"  # a black box, what it is called is a parameter
_BLOCKS = re.compile(rf"{_REGISTERED.pattern}|TRELLIS_DPR16X4|RAM\d+|\{_MACRO}")
_DATA_OUT = re.compile(r"(DO[A-H]?\d*|RDATA|RD_DATA|DATAOUT|DOUT\w*|DPO|SPO|O)(\[|$)")


class ManifestError(KilnError):
    """Synthesis or routing removed redundancy that the protection relies on."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Registers that hold the same word, each of which must have flip-flops of its own.

    Members
    -------
    nets : tuple of str
        Name of the register of each replica: one of them for a parity or check word. Behind a
        ``|`` follow the bits of output ports that it drives, ``sum[3]``: synthesis calls a register
        after its port.
    width : int
        Bits of each.
    whole : bool
        Every bit must be there. Else bits that nothing reads, or that never change, may be removed,
        but from all replicas alike.
    """

    nets: tuple[str, ...]
    width: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """What must be found in the mapped netlist.

    Members
    -------
    replicas : tuple of Replicas
        Registers.
    voters, checkers : dict of str to int
        Nets that must be driven by gates, and their widths.
    modules : dict of str to int
        Modules that must be there, and how often.
    memories : dict of str to int
        Memories with check bits, and bits of a word with them. Counted where they are RAM blocks of
        an FPGA, or macros: bits that they are read by. Registers behind their read ports, called
        ``<memory>$r<port>$check`` here, are then parts of them.
    by_memory : dict of str to str
        Read registers that the SECDED of a memory, by its name, corrects instead of what the plan
        has for them. To be read, not counted: that code's check bits are.
    """

    replicas: tuple[Replicas, ...] = ()
    voters: Mapping[str, int] = field(default_factory=dict)
    checkers: Mapping[str, int] = field(default_factory=dict)
    modules: Mapping[str, int] = field(default_factory=dict)
    memories: Mapping[str, int] = field(default_factory=dict)
    by_memory: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Manifest) -> Manifest:
        return Manifest(
            self.replicas + other.replicas,
            {**self.voters, **other.voters},
            {**self.checkers, **other.checkers},
            {**self.modules, **other.modules},
            {**self.memories, **other.memories},
            {**self.by_memory, **other.by_memory},
        )

    @property
    def flops(self) -> int:
        """Flip-flops in all replicas."""
        return sum(len(replica.nets) * replica.width for replica in self.replicas)

    def to_json(self) -> str:
        """Return the manifest as a file keeps it."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return what `to_json` wrote."""
        raw = json.loads(text)
        listed = tuple(Replicas(tuple(r["nets"]), r["width"], r["whole"]) for r in raw["replicas"])
        names = ("voters", "checkers", "modules", "memories", "by_memory")
        kinds = (raw.get(kind, {}) for kind in names)
        return cls(listed, *kinds)


def check_manifest(
    netlist: Netlist,
    manifest: Manifest,
    step: str = "synthesis",
    placed: Container[str] | None = None,
) -> dict[str, int]:
    """Count the redundancy in a mapped netlist; return the counts.

    Parameters
    ----------
    step : str
        What made the netlist, for the message.
    placed : container of str, optional
        Cells that count, by their names with the instances around them; all if left out.

    Raises
    ------
    ManifestError
        Something is missing: says what, how many were wanted and how many were found.
    """
    counts, missing = count_manifest(netlist, manifest, placed)
    if missing:
        shown = "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" * (len(missing) > 5))
        raise ManifestError(
            f"{step} of {netlist.top} removed redundancy: {shown}; keep the attributes "
            "(* keep *) and (* keep_hierarchy *), and leave out options that ignore them"
        )
    return counts


def count_manifest(
    netlist: Netlist, manifest: Manifest, placed: Container[str] | None = None
) -> tuple[dict[str, int], list[str]]:
    """Return how many flip-flops, voters, checkers and modules were found, and what is missing."""
    found = _Found(netlist, placed)
    missing = [f"{name}: a RAM block wanted, none found" for name in found.lost]
    flops = bits = 0
    blocks = {name: found.read_bits(name) for name in manifest.memories}
    for name, width in manifest.memories.items():
        count = blocks[name]
        bits += count or 0
        if count is not None and count < width:
            missing.append(f"{name}: words of {width} bits wanted, {count} found")
    in_blocks = {name for name in blocks if found.is_registered(name)}
    for replicas in manifest.replicas:
        if _PORT.sub("", replicas.nets[0]) in in_blocks:
            continue
        each = [
            set().union(*(found.flops.get(label, set()) for label in net.split("|")))
            for net in replicas.nets
        ]
        cells = set().union(*each)
        flops += len(cells)
        shared = sum(map(len, each)) - len(cells)
        there = [  # equal bits of a replica may be one flip-flop: what it holds is all there
            max(len(own), found.covered[net.partition("|")[0]])
            for own, net in zip(each, replicas.nets, strict=True)
        ]
        most = replicas.width if replicas.whole else max(there)
        wanted, held = len(replicas.nets) * most, sum(there) - shared
        if held < wanted:
            names = ", ".join(net.partition("|")[0] for net in replicas.nets)
            missing.append(f"{names}: {wanted} flip-flops wanted, {held} found")
    driven = {}
    for kind, nets in (("voters", manifest.voters), ("checkers", manifest.checkers)):
        driven[kind] = 0
        for net, width in nets.items():
            count = len(found.gates.get(net, ()))
            driven[kind] += count
            if count < width:
                missing.append(f"{net}: {width} {kind} wanted, {count} found")
    for module, wanted in manifest.modules.items():
        count = netlist.module_counts.get(module, 0)
        if count < wanted:
            missing.append(f"module {module}: {wanted} wanted, {count} found")
    memory = {"memory bits": bits} if bits else {}
    return {"flops": flops, **driven, **memory}, missing


class _Found:
    """Cells that drive nets, by the nets' names without index; instances joined with a dot."""

    def __init__(self, netlist: Netlist, placed: Container[str] | None) -> None:
        self._placed = placed
        self._cells = library().cells
        self.covered: Counter[str] = Counter()  # bits of each net that flip-flops hold
        self.flops: dict[str, set[Any]] = {}
        self.gates: dict[str, set[Any]] = {}
        self._blocks: dict[str, set[Any]] = {}  # bits that RAM blocks are read by, by block
        self._registered: list[str] = []
        self.lost: list[str] = []  # RAM blocks that are not placed
        self._visit(netlist, netlist.top, "", {})

    def read_bits(self, memory: str) -> int | None:
        """Return how many bits a memory's blocks are read by; None if it is none of blocks."""
        own = [bits for name, bits in self._blocks.items() if name.startswith(f"{memory}.")]
        return len(set().union(*own)) if own else None

    def is_registered(self, memory: str) -> bool:
        """Whether a memory is of blocks whose read ports have registers."""
        return any(name.startswith(f"{memory}.") for name in self._registered)

    def _visit(
        self, netlist: Netlist, name: str, prefix: str, above: Mapping[Bit, tuple[str, ...]]
    ) -> None:
        module = netlist.modules[name]
        labels: dict[Bit, tuple[str, ...]] = {
            bit: (*(prefix + net for net in module.names.get(bit, ())), *above.get(bit, ()))
            for bit in {*module.names, *above}
        }
        nets = dict(labels)
        used = {bit for i in module.instances for pin, bit in i.pins.items() if not _is_out(i, pin)}
        used |= set(module.outputs.values())
        for port, bit in module.outputs.items():
            labels[bit] = (*labels.get(bit, ()), prefix + port)
        for instance in module.instances:
            if instance.type in netlist.modules:
                child = netlist.modules[instance.type]
                inner = self._inner(child, instance.pins, labels)
                self._visit(netlist, instance.type, f"{prefix}{instance.name}.", inner)
                continue
            full = prefix + _called(instance)
            is_there = self._placed is None or full in self._placed
            if _BLOCKS.match(instance.type):
                out = {bit for pin, bit in instance.pins.items() if _is_out(instance, pin)}
                self._blocks[full] = {(prefix, bit) for bit in out & used} if is_there else set()
                self._registered += [full] if _is_registered(instance) else []
                self.lost += [] if is_there else [full]
            if not is_there:
                continue
            is_flop = self._is_flop(instance)
            table = self.flops if is_flop else self.gates
            for bit in self._outputs(instance.type, instance.pins):
                self.covered.update(nets.get(bit, ()) if is_flop else ())
                for label in labels.get(bit, ()):
                    table.setdefault(label, set()).add((prefix, instance.name))

    def _inner(
        self, child: Module, pins: Mapping[str, Bit], labels: Mapping[Bit, tuple[str, ...]]
    ) -> dict[Bit, tuple[str, ...]]:
        """Return names from outside of the nets at a child's outputs."""
        return {
            bit: labels.get(pins[port], ()) for port, bit in child.outputs.items() if port in pins
        }

    def _is_flop(self, instance: Instance) -> bool:
        kind = instance.type
        cell = self._cells.get(kind)
        if cell is not None:
            return bool(cell.sequential)
        return kind in _FLOPS or kind.startswith("SB_DFF") or _is_registered(instance)

    def _outputs(self, kind: str, pins: Mapping[str, Bit]) -> Iterator[Bit]:
        cell = self._cells.get(kind)
        if cell is not None:
            yield from (pins[pin.name] for pin in cell.outputs if pin.name in pins)
            return
        named = ("Q", "Y", "Z", "O", "F", "OFX0", "S0", "S1", "COUT")
        is_block = bool(_BLOCKS.match(kind))
        for pin, bit in pins.items():
            if _DATA_OUT.match(pin) if is_block else pin.partition("[")[0] in named:
                yield bit


def _called(instance: Instance) -> str:
    """Return a cell's name; of a macro, that of its memory as the blocks of one are called."""
    if instance.type != _MACRO:
        return instance.name
    return f"{str(instance.parameters['MEMID']).lstrip(chr(92))}.0"


def _is_registered(instance: Instance) -> bool:
    """Whether a RAM block or macro has registers behind its read ports."""
    if instance.type == _MACRO:
        return "1" in str(instance.parameters["RD_CLK_ENABLE"])
    return bool(_REGISTERED.match(instance.type))


def _is_out(instance: Instance, pin: str) -> bool:
    """Whether a pin is the data output of a RAM block."""
    return bool(_BLOCKS.match(instance.type) and _DATA_OUT.match(pin))
