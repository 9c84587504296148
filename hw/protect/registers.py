"""Protected registers: parity, duplicate-and-compare, triplication with voters.

Replicas are marked to be kept. A synthesis that ignores the mark merges them (a register of 8 bits
tripled has 24 flip-flops, and 8 without it), so that the netlist has to be counted after it: see
`boards.protect.check_manifest`.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.contracts import ConfigError, check_ranges

__all__ = ["DwcRegister", "ParityRegister", "TmrRegister", "kept_register", "majority"]

_KEEP = {"keep": 1}


def kept_register(width: int, name: str, init: int = 0) -> Signal:
    """Return a register that synthesis must not merge with its equal."""
    return Signal(width, name=name, init=init, attrs=_KEEP)


def majority(a: Any, b: Any, c: Any) -> Any:
    """Return, bit by bit, what two of three say."""
    return (a & b) | (a & c) | (b & c)


class _Register(wiring.Component):
    def __init__(self, width: int, init: int, ports: dict[str, Any]) -> None:
        self.width, self.init = width, init
        check_ranges(self, {"width": (1, 4096)})
        if not 0 <= init < 1 << width:
            raise ConfigError(
                f"init={init} does not fit width={width}; use 0 to {(1 << width) - 1}"
            )
        super().__init__({"d": In(width), "en": In(1, init=1), "q": Out(width), **ports})

    def _load(self, m: Module, register: Signal, value: Any) -> None:
        with m.If(self.en):
            m.d.sync += register.eq(value)


class ParityRegister(_Register):
    """A register with a parity bit for each of `groups` interleaved groups of its bits.

    Bit i belongs to group ``i % groups``, so that an upset of up to `groups` neighbours is seen.
    Parity is taken from `d`, before the register. `detected` is combinational: it is there in the
    cycle that begins with the upset. An even number of errors in one group is not seen.

    Members
    -------
    d, en, q : In(width), In(1), Out(width)
        The register.
    inject : In(1)
        Self-test: `detected` must be 1.
    detected : Out(1)
        The register is not what was stored.
    """

    def __init__(self, width: int, *, groups: int = 1, init: int = 0) -> None:
        self.groups = groups
        check_ranges(self, {"groups": (1, width)})
        super().__init__(width, init, {"inject": In(1), "detected": Out(1)})

    def parity(self, value: int) -> int:
        """Return the parity bits of `value`."""
        masks = (
            sum(1 << at for at in range(g, self.width, self.groups)) for g in range(self.groups)
        )
        return sum(((value & mask).bit_count() & 1) << g for g, mask in enumerate(masks))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        stored = Signal(self.width, init=self.init)
        parity = Signal(self.groups, init=self.parity(self.init))

        def of(value: Any) -> Any:
            return Cat(value[g :: self.groups].xor() for g in range(self.groups))

        self._load(m, stored, self.d)
        self._load(m, parity, of(self.d))
        m.d.comb += [
            self.q.eq(stored),
            self.detected.eq((of(stored) != parity) ^ self.inject),
        ]
        return m


class DwcRegister(_Register):
    """A register twice, compared bit by bit.

    Latency of detection: `latency` cycles after the cycle that begins with the upset; 0, or 1 if
    `detected` is registered. Errors in both copies of a bit at once are not seen.

    Members
    -------
    d, en, q : In(width), In(1), Out(width)
        The register.
    inject : In(1)
        Self-test: `detected` must be 1, `latency` cycles later.
    detected : Out(1)
        The copies differ.
    """

    def __init__(self, width: int, *, registered: bool = False, init: int = 0) -> None:
        self.registered = registered
        super().__init__(width, init, {"inject": In(1), "detected": Out(1)})

    replicas = ("q", "copy1")
    """Names of the two registers in Verilog: the first is the output itself."""

    @property
    def latency(self) -> int:
        """Cycles from the first cycle with the upset to `detected`."""
        return int(self.registered)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        copies = [kept_register(self.width, f"copy{at}", self.init) for at in range(2)]
        for copy in copies:
            self._load(m, copy, self.d)
        differs = (copies[0] != copies[1]) ^ self.inject
        m.d.comb += self.q.eq(copies[0])
        if self.registered:
            m.d.sync += self.detected.eq(differs)
        else:
            m.d.comb += self.detected.eq(differs)
        return m


class TmrRegister(_Register):
    """A register three times, with a voter, or one for each of three readers.

    A single upset never reaches an output. With `voters` of 3, each replica loads from the input
    and is read through the voter of its own, so that one wrong voter harms one reader only.

    Members
    -------
    d, en : In(width), In(1)
        What is loaded; with three voters also `d1` and `d2`, of the other replicas.
    q : Out(width)
        The vote; with three voters also `q1` and `q2`.
    inject : In(1)
        Self-test: the voter sees the lowest bit of the first replica inverted; `corrected` must be
        1, and `q` what it was.
    corrected : Out(1)
        The replicas are not all the same.
    """

    replicas = ("replica0", "replica1", "replica2")
    """Names of the three registers in Verilog."""

    def __init__(self, width: int, *, voters: int = 1, init: int = 0) -> None:
        if voters not in (1, 3):
            raise ConfigError(f"voters={voters} is not known; use 1 or 3")
        self.voters = voters
        more: dict[str, Any] = {"inject": In(1), "corrected": Out(1)}
        if voters == 3:
            more |= {"d1": In(width), "d2": In(width), "q1": Out(width), "q2": Out(width)}
        super().__init__(width, init, more)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        triple = self.voters == 3
        inputs = [self.d, self.d1, self.d2] if triple else [self.d] * 3
        replicas = [kept_register(self.width, f"replica{at}", self.init) for at in range(3)]
        for replica, value in zip(replicas, inputs, strict=True):
            self._load(m, replica, value)
        seen = [Cat(replicas[0][0] ^ self.inject, replicas[0][1:]), *replicas[1:]]
        for output in [self.q, self.q1, self.q2] if triple else [self.q]:
            m.d.comb += output.eq(majority(*seen))
        m.d.comb += self.corrected.eq((seen[0] != seen[1]) | (seen[0] != seen[2]))
        return m
