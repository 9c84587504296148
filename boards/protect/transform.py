"""From a frozen netlist and a plan to the protected one, its Verilog and its manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from boards.frozen import Bit, Cell, Flop, Frozen, Port, write_verilog
from hw.contracts import ConfigError

from .builder import Builder, Word
from .codes import Checked, protect_groups, protect_memory
from .constants import constants, origin, without_constants
from .enables import with_plain_enables
from .lockstep import Shadow, make_shadow
from .manifest import Manifest, Replicas
from .plan import Plan

__all__ = ["Protected", "protect"]

_GROUP = 32  # checkers that are told in one flip-flop
_OWN = ("parity", "secded", "tmr", "dwc")
"""What a read register does without whose memory's code corrects it; lockstep goes with it."""
_TEST = "protect_test"
_DETECTED, _CORRECTED = "error_detected", "error_corrected"


@dataclass(frozen=True)
class Protected:
    """A protected design.

    Members
    -------
    netlist : Frozen
        All of it, flat: what faults are injected into.
    verilog : str
        The same for synthesis, redundancy marked to be kept.
    manifest : Manifest
        What must be left after synthesis.
    hardened : tuple of str
        Registers that the plan wants in hardened flip-flops.
    checkers : int
        Checkers that a self-test goes through, one in each cycle.
    test_cycles : int
        Cycles from the self-test's pulse to its last answer: the checkers, then lockstep's.
    added : tuple of str
        Registers that were added.
    """

    netlist: Frozen
    verilog: str
    manifest: Manifest
    hardened: tuple[str, ...]
    checkers: int
    added: tuple[str, ...]
    test_cycles: int = 0

    @property
    def by_memory(self) -> Mapping[str, str]:
        """Read registers that have the SECDED of their memory, instead of the plan's scheme."""
        return self.manifest.by_memory


def protect(netlist: Frozen, plan: Plan) -> Protected:
    """Return `netlist` with the protection of `plan`.

    It has outputs ``error_detected`` and, where something is corrected, ``error_corrected``: pulses
    a cycle after a checker saw an error. Ports of that name that are there already get wider, the
    new bit above the old ones. All else is, without a fault, what it was, cycle by cycle.

    Raises
    ------
    ConfigError
        A prefix of the plan that fits nothing, or a port that is in the way.
    """
    plan.check(netlist)
    known = constants(netlist)
    doubled = {f.name for f in netlist.flops if plan.of_flop(f.name) not in ("none", "hardened")}
    netlist = with_plain_enables(without_constants(netlist, doubled, known))
    if any(port.name == _TEST for port in netlist.ports):
        raise ConfigError(f"{netlist.top} has a port {_TEST!r} already; rename it")
    b = Builder(netlist)
    made = _Made(b)
    by_memory: dict[str, str] = {}
    by_scheme = {flop.name: plan.of_flop(flop.name) for flop in netlist.flops}
    for at, memory in enumerate(netlist.memories):
        scheme = plan.of_memory(memory.name)
        if scheme in ("parity", "secded"):
            checked = protect_memory(b, at, scheme)
            made.take(checked)
            replaced = (n for n in checked.covered if by_scheme[n] in _OWN)
            by_memory |= dict.fromkeys(replaced, memory.name)
    by_scheme |= dict.fromkeys(by_memory, "none")
    for scheme in ("parity", "secded"):
        chosen = [flop for flop in netlist.flops if by_scheme[flop.name] == scheme]
        for checked in protect_groups(b, chosen, scheme, plan.group_bits):
            made.take(checked)
    for flop in netlist.flops:
        if by_scheme[flop.name] == "tmr":
            made.triplicate(flop)
        elif by_scheme[flop.name] == "dwc":
            made.duplicate(flop)
    stepped = {name for name, scheme in by_scheme.items() if scheme == "lockstep"}
    stored = {m.name for m in netlist.memories if plan.of_memory(m.name) == "lockstep"}
    hardened = tuple(name for name, scheme in by_scheme.items() if scheme == "hardened")
    ports = made.report(self_test=plan.self_test, more=bool(stepped or stored))
    main = b.result(ports)
    shadow = None
    if stepped or stored:
        shadow = make_shadow(main, stepped, stored, f"{netlist.top}_shadow", test=made.turn)
        made.manifest |= _shadow_manifest(shadow)
        # Else the original could be merged with some equal register that is in no shadow.
        made.kept_flops += shadow.copied
    old = {flop.name for flop in netlist.flops}
    flat = _joined(main, shadow) if shadow else main
    return Protected(
        netlist=flat,
        verilog=_text(main, shadow, made),
        manifest=_labelled(made.manifest | Manifest(by_memory=by_memory), main, known),
        hardened=hardened,
        checkers=made.tested,
        added=tuple(flop.name for flop in flat.flops if flop.name not in old),
        test_cycles=(made.tested + 1 + (shadow.test_cycles + 1 if shadow else 0))
        * (made.turn is not None),
    )


class _Made:
    """What was added so far."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.detected: list[Bit] = []
        self.corrected: list[Bit] = []
        self.kept_flops: list[str] = []
        self.kept_cells: list[str] = []
        self.manifest = Manifest()
        self.tested = 0
        self.turn: Bit | None = None

    def take(self, checked: Checked) -> None:
        self.detected += checked.detected
        self.corrected += checked.corrected
        self.manifest |= checked.manifest
        self.kept_flops += checked.kept

    def _copies(self, flop: Flop, count: int, kind: str) -> list[Word]:
        names = [flop.name, *(f"{flop.name}${kind}{at}" for at in range(1, count))]
        words = [flop.q, *(self.b.flop(name, flop.d, flop.init) for name in names[1:])]
        self.kept_flops += names
        self.manifest |= Manifest((Replicas(tuple(names), len(flop.q)),))
        return words

    def duplicate(self, flop: Flop) -> None:
        """Compare a register with a second one."""
        one, two = self._copies(flop, 2, "dwc")
        self.detected += self.b.cell(f"{flop.name}$differs", "$ne", 1, A=one, B=two, raw=True)

    def triplicate(self, flop: Flop) -> None:
        """Let a register and two more vote; whoever read it reads the vote."""
        b, width, name = self.b, len(flop.q), flop.name
        one, two, three = self._copies(flop, 3, "tmr")
        pairs = [(one, two), (one, three), (two, three)]
        both = [
            b.cell(f"{name}$both{at}", "$and", width, A=left, B=right, raw=True)
            for at, (left, right) in enumerate(pairs)
        ]
        some = b.cell(f"{name}$some", "$or", width, A=both[0], B=both[1])
        vote = b.cell(f"{name}$vote", "$or", width, A=some, B=both[2])
        self.kept_cells.append(f"{name}$vote")
        b.taken_over |= dict(zip(flop.q, vote, strict=True))
        apart = [
            b.cell(f"{name}$apart{at}", "$ne", 1, A=one, B=other, raw=True)[0]
            for at, other in enumerate((two, three))
        ]
        self.corrected.append(b.any_of(f"{name}$corrected", apart))

    def report(self, *, self_test: bool, more: bool = False) -> list[Port]:
        """Add the outputs, and the self-test; return all ports.

        `more` says that something will be tested after the checkers that are known here: from
        `turn` on.
        """
        ports = list(self.b.netlist.ports)
        lines: list[tuple[str, list[Bit]]] = [
            (_DETECTED, self.detected),
            (_CORRECTED, self.corrected),
        ]
        if self_test and (self.detected or self.corrected or more):
            turn = self.b.word(1)
            ports.append(Port(_TEST, True, turn))
            for bits in (self.detected, self.corrected):
                for at, bit in enumerate(bits):
                    bits[at] = self._tested(bit, turn[0])
                    self.tested += 1
                    turn = self.b.flop(f"protect.turn{self.tested}", turn)
            self.turn = turn[0]
        for name, bits in lines:
            if bits:
                told = tuple(self._told(name, bits))
                bit = self.b.any_of(f"{name}$any", told)
                ports = _with_output(ports, name, bit)
        return ports

    def _tested(self, bit: Bit, turn: Bit) -> Bit:
        """Return what a checker says that sees an error in its turn.

        Trees of parity and comparators see it at an input, so that they are tested as well; behind
        others what they say is inverted.
        """
        b = self.b
        label = f"test${self.tested}"
        for at in range(len(b.cells) - 1, -1, -1):
            cell = b.cells[at]
            if cell.output != (bit,):
                continue
            A, known = cell.inputs["A"], cell.parameters
            if cell.type == "$reduce_xor":
                inputs = {"A": (*A, turn)}
                b.cells[at] = replace(
                    cell, inputs=inputs, parameters={**known, "A_WIDTH": len(A) + 1}
                )
                return bit
            if cell.type == "$ne":
                first = b.cell(label, "$xor", 1, A=A[:1], B=(turn,), raw=True)
                b.cells[at] = replace(cell, inputs={**cell.inputs, "A": (*first, *A[1:])})
                return bit
            break
        return b.cell(label, "$xor", 1, A=(bit,), B=(turn,))[0]

    def _told(self, name: str, bits: Sequence[Bit]) -> Word:
        """Return flip-flops that hold what a number of checkers said."""
        found: list[Bit] = []
        for at in range(0, len(bits), _GROUP):
            label = f"protect.{name}{at // _GROUP}"
            found += self.b.flop(label, (self.b.any_of(f"{label}$in", bits[at : at + _GROUP]),))
            self.manifest |= Manifest((Replicas((label,), 1),))
        return tuple(found)


def _with_output(ports: list[Port], name: str, bit: Bit) -> list[Port]:
    for at, port in enumerate(ports):
        if port.name == name:
            if port.is_input:
                raise ConfigError(f"port {name!r} is an input; rename it")
            ports[at] = replace(port, bits=(*port.bits, bit))
            return ports
    return [*ports, Port(name, False, (bit,))]


def _shadow_manifest(shadow: Shadow) -> Manifest:
    width = {flop.name: len(flop.q) for flop in shadow.netlist.flops}
    pairs = tuple(
        Replicas((name, f"shadow.{name}"), width[name], whole=False) for name in shadow.copied
    )
    found = Replicas(("shadow.found|shadow.error",), width["found"])
    return Manifest((*pairs, found), modules={shadow.netlist.top: 1})


def _labelled(manifest: Manifest, main: Frozen, known: Mapping[Bit, str]) -> Manifest:
    """Return the manifest with the output ports that registers drive, be it through constants."""
    shown: dict[Bit, list[str]] = {}
    driver = {bit: (cell, at) for cell in main.cells for at, bit in enumerate(cell.output)}
    for port in main.outputs:
        for at, bit in enumerate(port.bits):
            label = f"{port.name}[{at}]" if len(port.bits) > 1 else port.name
            shown.setdefault(origin(bit, driver, known), []).append(label)
    written = _written(main)
    ports = {
        flop.name: [label for bit in flop.q for label in shown.get(bit, ())] for flop in main.flops
    }
    return replace(
        manifest,
        replicas=tuple(
            replace(
                r,
                nets=tuple(
                    "|".join([written.get(net, net), *ports.get(net, ())]) for net in r.nets
                ),
            )
            for r in manifest.replicas
        ),
    )


def _written(main: Frozen) -> dict[str, str]:
    """Return the names in Verilog of registers that are called like a port that is not them."""
    outputs = {port.name: port.bits for port in main.outputs}
    taken = {port.name for port in main.ports}
    return {
        flop.name: f"{flop.name}$0"
        for flop in main.flops
        if flop.name in taken and outputs.get(flop.name) != flop.q
    }


def _joined(main: Frozen, shadow: Shadow) -> Frozen:
    """Return both as one flat netlist, with the shadow's error among the outputs."""
    copy = shadow.netlist
    clock = next(port.bits[0] for port in main.ports if port.name == main.clock)
    inner = {port.name: port for port in copy.ports}
    outside: dict[Bit, Bit] = dict(zip(inner["i"].bits, shadow.taps, strict=True))
    outside[inner["clk"].bits[0]] = clock

    def read(bits: Word) -> Word:
        return tuple(outside.get(bit, bit) for bit in bits)

    cells = tuple(
        replace(c, name=f"shadow.{c.name}", inputs={p: read(b) for p, b in c.inputs.items()})
        for c in copy.cells
    )
    flops = tuple(replace(f, name=f"shadow.{f.name}", d=read(f.d)) for f in copy.flops)
    memories = tuple(
        replace(
            m,
            name=f"shadow.{m.name}",
            reads=tuple((read(a), d) for a, d in m.reads),
            writes=tuple((read(a), read(d), read(e)) for a, d, e in m.writes),
        )
        for m in copy.memories
    )
    return replace(
        main,
        ports=tuple(_with_output(list(main.ports), _DETECTED, inner["error"].bits[0])),
        cells=main.cells + cells,
        flops=main.flops + flops,
        memories=main.memories + memories,
    )


def _text(main: Frozen, shadow: Shadow | None, made: _Made) -> str:
    """Return the Verilog; the shadow is a module that is instantiated in the design's."""
    if shadow is None:
        return _kept(write_verilog(main, synthesis=True), main, made)
    error = next(port.bits[0] for port in shadow.netlist.ports if port.name == "error")
    taps, told = "shadow_taps", "shadow_error"
    ports = _with_output(list(main.ports), _DETECTED, error)
    inside = replace(
        main, ports=(*ports, Port(taps, False, shadow.taps), Port(told, True, (error,)))
    )
    text = _kept(write_verilog(inside, synthesis=True), inside, made)
    text = text.replace(f", \\{taps} , \\{told} )", ")", 1)
    text = text.replace(
        f"output [{len(shadow.taps) - 1}:0] \\{taps}",
        f"wire [{len(shadow.taps) - 1}:0] \\{taps}",
        1,
    )
    text = text.replace(f"output  \\{taps}", f"wire  \\{taps}", 1)
    text = text.replace(f"input  \\{told}", f"wire  \\{told}", 1)
    body, _, _ = text.rpartition("endmodule")
    clock = f"\\{main.clock} "
    instance = (
        f"(* keep *) {_escaped(shadow.netlist.top)} shadow "
        f"(.clk({clock}), .i(\\{taps} ), .error(\\{told} ));"
    )
    copy = write_verilog(shadow.netlist, synthesis=True)
    copy = copy.replace("\nalways @(posedge \\clk ) \\", "\n(* keep *) always @(posedge \\clk ) \\")
    copy = copy.replace("module ", "(* keep_hierarchy *)\nmodule ", 1)
    return f"{copy}\n{body}{instance}\nendmodule\n"


def _kept(text: str, netlist: Frozen, made: _Made) -> str:
    """Mark replicas' registers and voters' wires to be kept."""
    clock = f"always @(posedge {_escaped(netlist.clock)})"
    written = _written(netlist)
    for name in (written.get(name, name) for name in made.kept_flops):
        text = text.replace(
            f"\n{clock} {_escaped(name)} <=", f"\n(* keep *) {clock} {_escaped(name)} <="
        )
    index = {cell.name: at for at, cell in enumerate(netlist.cells)}
    width: dict[str, int] = {}
    for name in made.kept_cells:
        cell: Cell = netlist.cells[index[name]]
        text = re.sub(rf"\nwire (\[\d+:0\])? c{index[name]};", r"\n(* keep *)\g<0>", text, count=1)
        text = text.replace("(* keep *)\nwire", "(* keep *) wire", 1)
        width[f"c{index[name]}"] = len(cell.output)
    made.manifest |= Manifest(voters=width)
    return text


def _escaped(name: str) -> str:
    return f"\\{name} "
