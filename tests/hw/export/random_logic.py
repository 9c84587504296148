"""Random components: every operator of Amaranth on operands of random width and sign."""

from __future__ import annotations

import random
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RandomLogic"]

INPUTS = {"a": Shape(4, True), "b": Shape(3, False), "c": Shape(1, False), "d": Shape(6, True)}


class RandomLogic(wiring.Component):
    """Registers and outputs driven by nested statements with random expressions.

    Parameters
    ----------
    seed : int
        Equal seeds give equal logic.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        outputs = {f"y{n}": Out(Shape(2 + n, n % 2 == 0)) for n in range(3)}
        super().__init__({name: In(shape) for name, shape in INPUTS.items()} | outputs)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        draw = random.Random(self.seed)
        registers = [
            Signal(Shape(draw.randint(1, 6), draw.random() < 0.5), name=f"r{n}", init=1)
            for n in range(4)
        ]
        self._leaves = [*(getattr(self, name) for name in INPUTS), *registers]
        wires = [Signal(Shape(draw.randint(1, 5), False), name=f"w{n}") for n in range(2)]
        for wire in wires:
            self._block(m, draw, m.d.comb, [wire], depth=2)
            self._leaves.append(wire)
        self._block(m, draw, m.d.sync, registers, depth=3)
        for n in range(3):
            m.d.comb += getattr(self, f"y{n}").eq(self._expression(draw, 3))
        return m

    def _block(
        self, m: Module, draw: random.Random, domain: Any, targets: list[Signal], depth: int
    ) -> None:
        """Add assignments, some of them to a part only, under nested conditions."""
        for _ in range(draw.randint(1, 3)):
            kind = draw.choice(("assign", "if", "switch")) if depth else "assign"
            if kind == "assign":
                target = draw.choice(targets)
                low = draw.randrange(len(target)) if draw.random() < 0.3 else 0
                domain += target[low:].eq(self._expression(draw, 3))
            elif kind == "if":
                self._if(m, draw, domain, targets, depth)
            else:
                self._switch(m, draw, domain, targets, depth)

    def _if(self, m: Module, draw: random.Random, domain: Any, targets: Any, depth: int) -> None:
        with m.If(self._expression(draw, 2)):
            self._block(m, draw, domain, targets, depth - 1)
        if draw.random() < 0.5:
            with m.Elif(self._expression(draw, 2)):
                self._block(m, draw, domain, targets, depth - 1)
        if draw.random() < 0.5:
            with m.Else():
                self._block(m, draw, domain, targets, depth - 1)

    def _switch(
        self, m: Module, draw: random.Random, domain: Any, targets: Any, depth: int
    ) -> None:
        test = self._expression(draw, 1)[:3]
        with m.Switch(test):
            for _ in range(draw.randint(1, 3)):
                pattern = "".join(draw.choice("01-") for _ in range(len(test)))
                with m.Case(pattern):
                    self._block(m, draw, domain, targets, depth - 1)
            if draw.random() < 0.5:
                with m.Default():
                    self._block(m, draw, domain, targets, depth - 1)

    def _expression(self, draw: random.Random, depth: int) -> Value:
        if depth == 0 or draw.random() < 0.15:
            return self._leaf(draw)
        x, y = self._expression(draw, depth - 1), self._expression(draw, depth - 1)
        small = y.as_unsigned()[:3]
        return draw.choice(
            (
                lambda: x + y,
                lambda: x - y,
                lambda: x[:4] * y[:4],
                lambda: x.as_signed() * y if len(x) + len(y) < 9 else x ^ y,
                lambda: x & y,
                lambda: x | y,
                lambda: x ^ y,
                lambda: ~x,
                lambda: -x,
                lambda: x << small,
                lambda: x >> small,
                lambda: (x < y) ^ (y <= x),
                lambda: x == y,
                lambda: x != y,
                lambda: Cat(x > y, y >= x),
                lambda: Cat(x.any(), x.all(), x.xor()),
                lambda: Mux(x[0], x, y),
                lambda: Cat(x, y)[: draw.randint(1, 8)],
                lambda: x.as_unsigned().bit_select(small, draw.randint(1, 2)),
                lambda: x.as_unsigned().word_select(small, draw.randint(1, 3)),
                lambda: x.as_unsigned() // small,
                lambda: x.as_unsigned() % small,
                lambda: x.as_signed(),
                lambda: x.as_unsigned(),
            )
        )()

    def _leaf(self, draw: random.Random) -> Value:
        if draw.random() < 0.2:
            return Const(draw.randint(-4, 7))
        leaf = draw.choice(self._leaves)
        low = draw.randrange(len(leaf))
        return leaf[low : draw.randint(low + 1, len(leaf))] if draw.random() < 0.3 else leaf
