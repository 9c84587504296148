"""Random designs, on which the lanes engine and the Verilator referee must agree.

Run ``python -m bench.fault_fuzz [--designs N] [--first SEED] [--faults N] [--keep FOLDER]``. Each
seed makes a design of words of many widths: signed and unsigned operators, shifts and selections
by signals, case statements, registers with enables and with synchronous and asynchronous resets,
memories of odd sizes with byte enables, several writers and addresses past the end; its stimulus;
and what is observed. Upsets of flip-flops and memories, multi-bit patterns, transients of nets,
stuck and intermittent faults are injected by both engines, and every field of every outcome is
compared. It prints faults and differences; exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from bench.fault_agreement import mixture
from boards.frozen import freeze
from sim.faults.experiment import Experiment, Observation, Watched
from sim.faults.fault import FLIP, exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.outcome import CLASSES, MASKED, OUTCOME, classify
from sim.faults.sites import FLOP, MEMORY, NET, list_sites
from sim.faults.verilator import VerilatorEngine

__all__ = ["RandomDesign", "experiment_of", "main", "random_faults"]

WIDTHS = (1, 1, 1, 2, 3, 5, 8, 9, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 130)
ROWS = (2, 3, 4, 5, 8, 11, 16)


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that expressions read."""

    name: str
    width: int
    signed: bool = False

    def low(self, bits: int) -> str:
        """Return its lowest bits, as many as there are."""
        return self.name if self.width == 1 else f"{self.name}[{min(bits, self.width) - 1}:0]"


@dataclass
class RandomDesign:
    """Verilog that follows from a seed.

    Members
    -------
    verilog : str
        Of the module ``fuzz``.
    inputs, outputs : list of Signal
        Its ports, but for the clock.
    """

    seed: int
    inputs: list[Signal] = field(default_factory=list)
    outputs: list[Signal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._lines: list[str] = []
        self._signals: list[Signal] = []
        self._memories: list[tuple[str, int, int]] = []
        self.inputs = [Signal("rst", 1), Signal("rst_n", 1)]
        for at in range(self._rng.randint(3, 6)):
            self.inputs.append(self._signal(f"i{at}"))
        self._signals += self.inputs
        registers = [self._register(f"r{at}") for at in range(self._rng.randint(3, 5))]
        for at in range(self._rng.randint(1, 2)):
            self._memory(f"m{at}")
        for at in range(self._rng.randint(6, 9)):
            text, width = self._expression(at)
            self._wire(Signal(f"w{at}", width, self._rng.random() < 0.4), text)
        for register in registers:
            self._lines.append(self._process(register))
        for memory in self._memories:
            self._write(*memory)
        self._show()

    @property
    def verilog(self) -> str:
        ports = ["clk", *(signal.name for signal in (*self.inputs, *self.outputs))]
        ways = [f"input {_declared(signal)};" for signal in self.inputs]
        ways += [f"output {_declared(signal)};" for signal in self.outputs]
        head = f"module fuzz({', '.join(ports)});\ninput clk;"
        return "\n".join([head, *ways, *self._lines, "endmodule", ""])

    def _signal(self, name: str) -> Signal:
        return Signal(name, self._rng.choice(WIDTHS), self._rng.random() < 0.4)

    def _pick(self) -> Signal:
        """Return a signal, rather one of the last."""
        recent = self._signals[-12:] if self._rng.random() < 0.5 else self._signals
        return self._rng.choice(recent)

    def _wire(self, signal: Signal, text: str) -> None:
        self._lines.append(f"wire {_declared(signal)} = {text};")
        self._signals.append(signal)

    def _number(self, width: int) -> str:
        return f"{width}'h{self._rng.getrandbits(width):x}"

    def _register(self, name: str) -> Signal:
        signal = self._signal(name)
        self._lines.append(f"reg {_declared(signal)} = {self._number(signal.width)};")
        self._signals.append(signal)
        return signal

    def _memory(self, name: str) -> None:
        width, rows = self._rng.choice(WIDTHS), self._rng.choice(ROWS)
        self._memories.append((name, width, rows))
        self._lines.append(f"reg [{width - 1}:0] {name} [0:{rows - 1}];")
        if self._rng.random() < 0.5:
            values = " ".join(f"{name}[{row}] = {self._number(width)};" for row in range(rows))
            self._lines.append(f"initial begin {values} end")

    def _address(self, rows: int) -> str:
        """Return an address that may be past the end."""
        return self._pick().low((rows - 1).bit_length() + self._rng.randint(0, 1))

    def _expression(self, at: int) -> tuple[str, int]:
        """Return an expression of a random kind, and the width of the wire that takes it."""
        a, b, c = self._pick(), self._pick(), self._pick()
        width = self._rng.choice(WIDTHS)
        memory, wide, rows = self._rng.choice(self._memories)
        distance = b.low(self._rng.randint(1, 8))
        part = self._rng.randint(1, a.width)
        kinds: Sequence[Callable[[], tuple[str, int]]] = (
            lambda: (f"{a.name} {self._of('+ - * & | ^ ~^')} {b.name}", width),
            lambda: (f"{a.name} {self._of('+ - *')} {b.name}", width),
            lambda: (f"$signed({a.name}) {self._of('+ - * < >= >>>')} $signed({b.name})", width),
            lambda: (f"{a.name} {self._of('< <= > >= == != === !==')} {b.name}", width),
            lambda: (f"{self._of('& | ^ ~^ ~| ~& ! - ~')}{a.name}", width),
            lambda: (f"{a.name} {self._of('<< >> <<< >>>')} {distance}", width),
            lambda: (f"{a.low(60)} {self._of('/ %')} {b.low(40)}", min(width, 64)),
            lambda: (f"$signed({a.low(33)}) {self._of('/ %')} $signed({b.low(12)})", 33),
            lambda: (f"{a.name} ? {b.name} : {c.name}", width),
            lambda: (f"{a.name} {self._of('&& ||')} {b.name}", width),
            lambda: (f"{{{a.name}, {b.name}, {{2{{{c.low(9)}}}}}}}", width),
            lambda: (f"{a.name}[{distance} +: {part}]" if a.width > 1 else f"~{a.name}", part),
            lambda: (f"{memory}[{self._address(rows)}]", wide),
            lambda: self._case(at, a, (b, c), width),
            lambda: self._changed_bit(at, a, b, width),
        )
        return self._rng.choice(kinds)()

    def _of(self, operators: str) -> str:
        return self._rng.choice(operators.split())

    def _case(
        self, at: int, select: Signal, values: Sequence[Signal], width: int
    ) -> tuple[str, int]:
        default = self._pick().name
        ways = " ".join(
            f"{key}: x{at} = {self._rng.choice(values).name};"
            for key in range(1 << min(3, select.width))
            if self._rng.random() < 0.7
        )
        self._lines.append(
            f"reg [{width - 1}:0] x{at}; always @* begin x{at} = {default}; "
            f"case ({select.low(3)}) {ways} default: ; endcase end"
        )
        return f"x{at}", width

    def _changed_bit(self, at: int, where: Signal, bit: Signal, width: int) -> tuple[str, int]:
        place = f"x{at}[{where.low(6)}]" if width > 1 else f"x{at}"
        self._lines.append(
            f"reg [{width - 1}:0] x{at}; always @* begin x{at} = {self._pick().name}; "
            f"{place} = {bit.low(1)}; end"
        )
        return f"x{at}", width

    def _process(self, register: Signal) -> str:
        """Return the process of a register, in one of the usual styles."""
        name, enable, value = register.name, self._pick().name, self._number(register.width)
        load = f"{name} <= {self._pick().name};"
        falls = "posedge clk or negedge rst_n"
        parts = " ".join(
            f"if ({self._pick().low(1)}) {name}[{min(low + 7, register.width - 1)}:{low}] <= "
            f"{self._pick().name};"
            for low in range(0, register.width, 8)
        )
        styles = [
            ("posedge clk", load),
            ("posedge clk", f"if (rst) {name} <= {value}; else {load}"),
            ("posedge clk", f"if ({enable}) begin if (rst) {name} <= {value}; else {load} end"),
            ("posedge clk", f"if (rst) {name} <= {value}; else if ({enable}) {load}"),
            (falls, f"if (!rst_n) {name} <= {value}; else {load}"),
            (falls, f"if (!rst_n) {name} <= {value}; else if ({enable}) {load}"),
        ]
        if register.width > 1:
            styles.append(("posedge clk", parts))
        edge, body = self._rng.choice(styles)
        return f"always @({edge}) begin {body} end"

    def _write(self, name: str, width: int, rows: int) -> None:
        """Write a memory from up to two places, and read it through a register as well."""
        body = []
        for _ in range(self._rng.randint(1, 2)):
            row, data, enable = self._address(rows), self._pick().name, self._pick()
            group = width if width < 2 or self._rng.random() < 0.4 else max(1, -(-width // 4))
            for at, low in enumerate(range(0, width, group)):
                high = min(width, low + group) - 1
                part = "" if group == width else f"[{high}:{low}]"
                one = enable.name if enable.width == 1 else f"{enable.name}[{at % enable.width}]"
                body.append(f"if ({one}) {name}[{row}]{part} <= {data};")
        self._lines.append(f"always @(posedge clk) begin {' '.join(body)} end")
        read = Signal(f"s_{name}", width)
        row, when = self._address(rows), self._pick().name
        self._lines.append(f"reg {_declared(read)};")
        self._lines.append(f"always @(posedge clk) if ({when}) {read.name} <= {name}[{row}];")
        self._signals.append(read)

    def _show(self) -> None:
        """Make some signals outputs, and the parity of everything one."""
        for at in range(self._rng.randint(3, 5)):
            shown = self._pick()
            self.outputs.append(Signal(f"o{at}", self._rng.choice((shown.width, 7, 70))))
            self._lines.append(f"assign o{at} = {shown.name};")
        self.outputs += [Signal("valid", 1), Signal("parity", 1)]
        everything = " ^ ".join(f"(^{signal.name})" for signal in self._signals)
        self._lines.append(f"assign valid = {self._pick().low(1)}; assign parity = {everything};")


def _declared(signal: Signal) -> str:
    return f"{'signed ' if signal.signed else ''}[{signal.width - 1}:0] {signal.name}"


def experiment_of(design: RandomDesign) -> Experiment:
    """Return the frozen design with random inputs and a random observation.

    Odd seeds go through Yosys' `read_slang`, even ones through `read_verilog`.
    """
    rng = random.Random(f"stimulus {design.seed}")
    if design.seed % 2:
        with TemporaryDirectory() as folder:
            path = Path(folder, "fuzz.sv")
            path.write_text(design.verilog, "utf-8")
            netlist = freeze([path], "fuzz")
    else:
        netlist = freeze(design.verilog, "fuzz")
    steps = [_step(design, rng, cycle) for cycle in range(rng.choice((12, 20, 32)))]
    return Experiment(netlist, steps, _observation(design, rng))


def _step(design: RandomDesign, rng: random.Random, cycle: int) -> dict[str, int]:
    step = {
        port.name: rng.getrandbits(port.width)
        if rng.random() < 0.6
        else rng.choice((0, 1, (1 << port.width) - 1, 1 << (port.width - 1)))
        for port in design.inputs
    }
    quiet = cycle > 0 and rng.random() < 0.9
    return {**step, "rst": int(not quiet), "rst_n": int(quiet)}


def _observation(design: RandomDesign, rng: random.Random) -> Observation:
    data, others = [], []
    for port in design.outputs:
        if rng.random() < 0.7:
            bits = rng.choice((0, 0, 1, 7, 8, 13, 64))
            data.append(
                Watched(
                    port.name,
                    valid=rng.choice(("", "", "valid", "parity")),
                    ready=rng.choice(("", "", "rst_n")),
                    field_bits=bits if bits <= port.width else 0,
                    signed=rng.random() < 0.5,
                )
            )
        else:
            others.append((rng.choice(("control", "detectors", "correctors")), port.name))
    roles = {
        role: tuple(name for found, name in others if found == role)
        for role in ("control", "detectors", "correctors")
    }
    return Observation(tuple(data), **roles)


def random_faults(experiment: Experiment, count: int, seed: int) -> NDArray[np.void]:
    """Return upsets of single bits, and for each kind of site faults of all models."""
    netlist, rng = experiment.netlist, np.random.default_rng(seed)
    state = list_sites(netlist, kinds=(FLOP, MEMORY))
    upsets = exhaustive(state, range(experiment.cycles), model=FLIP)
    found = [upsets[rng.choice(len(upsets), min(count, len(upsets)), replace=False)]]
    for kind in (FLOP, MEMORY, NET):
        sites = list_sites(netlist, kinds=(kind,))
        if len(sites):
            found.append(mixture(sites, experiment.cycles, count // 2, seed + kind))
    return np.concatenate(found)


def compare(seed: int, count: int, keep: Path | None) -> tuple[int, int]:
    """Compare the engines on the design of a seed; return faults and differences."""
    design = RandomDesign(seed)
    if keep:
        (keep / f"fuzz{seed}.sv").write_text(design.verilog, "utf-8")
    experiment = experiment_of(design)
    netlist = experiment.netlist
    lanes = LanesEngine(experiment, lanes=random.Random(seed).choice((8, 8, 16)))
    referee = VerilatorEngine(experiment, optimize="-O0")
    faults = random_faults(experiment, count, seed)
    found, truth = lanes.inject(faults), referee.inject(faults)
    differ = np.flatnonzero(found != truth)
    steps = sum(one != other for one, other in zip(lanes.trace(), referee.trace(), strict=True))
    memory = sum(m.width * m.size for m in netlist.memories)
    noticed = 1 - float((classify(truth) == MASKED).mean())
    classes = len(set(classify(truth).tolist()))
    print(
        f"seed {seed:>4}: {netlist.flop_bits:>4} flip-flops, {memory:>5,} memory bits, "
        f"{len(netlist.cells):>4} words of nets, {experiment.cycles} cycles; {len(faults):,} "
        f"faults, {noticed:.0%} noticed, {classes} of {len(CLASSES)} classes; differ: {len(differ)}"
    )
    for at in differ[:3]:
        print(f"    {faults[at]}: lanes {found[at]}, verilator {truth[at]} ({OUTCOME.names})")
    if steps:
        print(f"    without a fault {steps} cycles differ")
    sys.stdout.flush()
    return len(faults), len(differ) + steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the engines on random designs; return 1 if they differ on any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="seed of the first design")
    parser.add_argument("--faults", type=int, default=4000, help="upsets, of other faults a half")
    parser.add_argument("--keep", type=Path, help="folder in which to leave the Verilog")
    asked = parser.parse_args(arguments)
    seeds = range(asked.first, asked.first + asked.designs)
    counts = [compare(seed, asked.faults, asked.keep) for seed in seeds]
    faults, wrong = (sum(column) for column in zip(*counts, strict=True))
    print(f"{len(counts)} designs, {faults:,} faults: {wrong} differ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
