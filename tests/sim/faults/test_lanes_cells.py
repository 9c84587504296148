"""Every type of cell in the lanes engine, at many widths, against Verilator."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from boards.frozen import Bit, Cell, Frozen, Port
from sim.faults.experiment import Experiment, Observation, Watched
from sim.faults.lanes import LanesEngine
from sim.faults.sites import NET, list_sites
from sim.faults.verilator import VerilatorEngine
from tests.sim.faults.test_agreement import QUICK, agree, mixture

WIDE, CYCLES = 130, 24
Word = tuple[Bit, ...]


class Cells:
    """Cells whose inputs are made of the bits of two words, and all of whose outputs are ports."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(11)
        self.inputs = {name: self._fresh(at * WIDE, WIDE) for at, name in enumerate("ab")}
        self.free = 2 * WIDE + 2
        self.cells: list[Cell] = []

    def _fresh(self, first: int, width: int) -> Word:
        return tuple(range(first + 2, first + width + 2))

    def word(self, name: str, width: int) -> Word:
        """Return bits of an input, with a few that are constant, repeated or of the other input."""
        bits = self.inputs[name]
        if width == WIDE:
            return bits
        first = int(self.rng.integers(0, WIDE - width))
        found: list[Bit] = list(bits[first : first + width])
        if width > 4 and self.rng.random() < 0.3:
            at = int(self.rng.integers(0, width - 3))
            constant: tuple[list[Bit], ...] = (["0", "1", "x"], [*self.inputs["b"][60:63]])
            found[at : at + 3] = constant[int(self.rng.integers(2))]
        return tuple(found)

    def add(self, kind: str, width: int, signed: int = 0, /, **inputs: Word) -> None:
        output = self._fresh(self.free - 2, width)
        self.free += width
        widths = {f"{pin}_WIDTH": len(bits) for pin, bits in inputs.items()}
        signs = {f"{pin}_SIGNED": signed for pin in inputs}
        name = f"{kind}{len(self.cells)}"
        parameters = {"Y_WIDTH": width, "WIDTH": width, **widths, **signs}
        self.cells.append(Cell(name, kind, inputs, output, parameters))

    def shift(self, kind: str, width: int, signed: int, bits: int) -> None:
        """Add a shift by a distance without a sign, of up to the whole word."""
        distance = self.word("b", bits.bit_length())
        self.add(kind, width, signed, A=self.word("a", bits), B=distance)
        parameters = {**self.cells[-1].parameters, "B_SIGNED": 0}
        self.cells[-1] = replace(self.cells[-1], parameters=parameters)

    def frozen(self) -> Frozen:
        ports = [Port("clk", True, (self.free,))]
        ports += [Port(name, True, bits) for name, bits in self.inputs.items()]
        ports += [Port(f"y{at}", False, cell.output) for at, cell in enumerate(self.cells)]
        return Frozen("cells", "clk", tuple(ports), tuple(self.cells), (), ())


def every_cell() -> Frozen:
    """Return cells of all types: in one element of each size, and in several pieces."""
    c = Cells()
    shapes = ((5, 3, 8, 1), (33, 20, 40, 0), (70, 64, 130, 0), (70, 64, 130, 1))
    for kind, (a, b, y, signed) in product(
        ("and", "or", "xor", "xnor", "add", "sub", "mul"), shapes
    ):
        c.add(f"${kind}", y, signed, A=c.word("a", a), B=c.word("b", b))
    compared = ("lt", "le", "gt", "ge", "eq", "ne", "eqx", "nex")
    for kind, (a, b, _, signed) in product(compared, shapes):
        c.add(f"${kind}", 66 if a == 33 else 1, signed, A=c.word("a", a), B=c.word("b", b))
    for kind in compared[:6]:  # of whole words, which are often equal
        c.add(f"${kind}", 1, A=c.inputs["a"], B=c.inputs["b"])
        c.add(f"${kind}", 1, 1, A=c.inputs["a"][:128], B=c.inputs["b"][:128])
    stretched = ((5, 9, 1), (33, 70, 1), (33, 70, 0), (130, 20, 0), (17, 8, 0))
    for kind, (a, y, signed) in product(("not", "pos", "neg"), stretched):
        c.add(f"${kind}", y, signed, A=c.word("a", a))
    reductions = ("and", "or", "xor", "xnor", "bool")
    for kind, a in product((*(f"$reduce_{r}" for r in reductions), "$logic_not"), (1, 8, 20, 70)):
        c.add(kind, 1, A=c.word("a", a))
    for kind, (a, b) in product(("$logic_and", "$logic_or"), ((1, 9), (40, 70))):
        c.add(kind, 3, A=c.word("a", a), B=c.word("b", b))
    for width in (1, 9, 17, 64, 70):
        c.add("$mux", width, A=c.word("a", width), B=c.word("b", width), S=c.word("b", 1))
    for width in (3, 64, 30):
        ways = c.word("b", 4 * width) if width < 33 else c.inputs["b"][: 2 * width]
        c.add("$pmux", width, A=c.word("a", width), B=ways, S=c.word("a", len(ways) // width))
    moved = ((5, 9, 1), (70, 66, 0))
    for kind, (a, y, signed) in product(("shl", "sshl", "shr", "sshr", "shift", "shiftx"), moved):
        c.shift(f"${kind}", y, signed, a)
    c.shift("$sshr", 66, 1, 70)
    c.shift("$sshr", 20, 1, 40)
    return c.frozen()


def inputs() -> list[dict[str, int]]:
    """Return pairs of words: equal, all but one bit, of small numbers, and at random."""
    rng = np.random.default_rng(12)
    mask, steps = (1 << WIDE) - 1, []
    for cycle in range(CYCLES):
        a, b = (int.from_bytes(rng.bytes(17), "little") & mask for _ in "ab")
        bit = 1 << int(rng.integers(WIDE))
        pairs = ((a, b), (a, a), (a, a ^ bit), (mask, b & 7), (a & 0xFF, 0), (mask ^ bit, mask))
        a, b = pairs[cycle % len(pairs)]
        steps.append({"a": a, "b": b})
    return steps


def test_every_cell_at_many_widths_does_what_verilator_does() -> None:
    netlist = every_cell()
    ports = tuple(Watched(port.name, signed=True) for port in netlist.outputs)
    experiment = Experiment(netlist, inputs(), Observation(ports))
    lanes = LanesEngine(experiment, lanes=8)  # compiles four times as fast
    referee = VerilatorEngine(experiment, optimize=QUICK)
    for cycle, (found, wanted) in enumerate(zip(lanes.trace(), referee.trace(), strict=True)):
        wrong = [
            cell.name
            for at, cell in enumerate(netlist.cells)
            if found[f"y{at}"] != wanted[f"y{at}"]
        ]
        assert not wrong, cycle
    faults = mixture(list_sites(netlist, kinds=(NET,)), CYCLES, 4000, seed=13)
    agree(lanes.inject(faults), referee.inject(faults), faults)
