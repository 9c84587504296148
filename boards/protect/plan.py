"""Protection plans: which registers and memories get which protection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from boards.frozen import Frozen
from hw.contracts import ConfigError, did_you_mean

__all__ = ["FLOP_SCHEMES", "MEMORY_SCHEMES", "Plan"]

FLOP_SCHEMES = ("none", "parity", "secded", "tmr", "dwc", "lockstep", "hardened")
"""What a register may get.

parity : a bit for each group of registers, from their inputs; an odd number of upsets is detected.
secded : a Hsiao code for each group; one upset is corrected, two are detected.
tmr : three of it, and a vote.
dwc : two of it, compared.
lockstep : two of it and of the logic before it, in a module of its own; what leaves the protected
    part is compared, so that transients in that logic are detected as well.
hardened : a flip-flop that is harder to upset; only noted.
"""
MEMORY_SCHEMES = ("none", "parity", "secded", "lockstep")
"""What a memory may get: check bits beside each word, or a second memory."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Protection by prefix of the hierarchical name; the longest that fits counts.

    Members
    -------
    flops, memories : dict of str to str
        Scheme by prefix; "" is everything. What no prefix fits is not protected.
    group_bits : int
        Most bits that share parity or a code: few are quick to check, many are small.
    self_test : bool
        Add an input ``protect_test``: a pulse on it makes one checker after the other see an error,
        one in each cycle (`Protected.checkers`), each of which must be told by ``error_detected``
        or ``error_corrected`` a cycle later. Comparators of lockstep follow: 32 cycles in which bit
        after bit of all of them is inverted, then one cycle for each of them.
    """

    flops: Mapping[str, str] = field(default_factory=dict)
    memories: Mapping[str, str] = field(default_factory=dict)
    group_bits: int = 32
    self_test: bool = False

    def __post_init__(self) -> None:
        for what, chosen, known in (
            ("flops", self.flops, FLOP_SCHEMES),
            ("memories", self.memories, MEMORY_SCHEMES),
        ):
            for prefix, scheme in chosen.items():
                if scheme not in known:
                    close = did_you_mean(scheme, known)
                    raise ConfigError(f"{what}[{prefix!r}]={scheme!r} is no protection{close}")
        if not 1 <= self.group_bits <= 1024:
            raise ConfigError(f"group_bits={self.group_bits} is out of range; use 1 to 1024")

    def check(self, netlist: Frozen) -> None:
        """Raise `ConfigError` for a prefix that nothing in `netlist` has."""
        for what, chosen, names in (
            ("flops", self.flops, [flop.name for flop in netlist.flops]),
            ("memories", self.memories, [memory.name for memory in netlist.memories]),
        ):
            for prefix in chosen:
                if not any(name.startswith(prefix) for name in names):
                    raise ConfigError(
                        f"{what}[{prefix!r}] protects nothing of {netlist.top}"
                        f"{did_you_mean(prefix, names)}"
                    )

    def of_flop(self, name: str) -> str:
        """Return the scheme of a register."""
        return _longest(self.flops, name)

    def of_memory(self, name: str) -> str:
        """Return the scheme of a memory."""
        return _longest(self.memories, name)


def _longest(chosen: Mapping[str, str], name: str) -> str:
    fitting = [prefix for prefix in chosen if name.startswith(prefix)]
    return chosen[max(fitting, key=len)] if fitting else "none"
