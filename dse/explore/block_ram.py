"""A hardened design for families with block RAMs, whose registers cannot be doubled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from boards.protect import for_block_ram, map_sky130, protect
from dse.harden import Budget, Hardened, NotHardenedError
from dse.harden.bounds import missed, verdicts
from dse.harden.choice import Limits
from dse.harden.loop import inject

__all__ = ["with_block_ram"]


def with_block_ram(
    found: Hardened, structure: Callable[[str], str], limits: Limits, budget: Budget
) -> Hardened:
    """Return a hardening whose memories synthesis finds block RAMs for.

    Where that takes the protection of a register away, faults are injected again.

    Raises
    ------
    NotHardenedError
        The bounds do not hold then.
    """
    last = found.attempts[-1]
    netlist, plan = for_block_ram(last.variant.netlist, last.plan)
    made = protect(netlist, plan)
    if plan == last.plan:  # the netlist differs in what nobody reads
        return replace(found, attempts=(*found.attempts[:-1], replace(last, protected=made)))
    mapped = map_sky130(made.verilog, netlist.top, made.manifest, flat=True)
    measured, tests = inject(
        last.variant, made, mapped, structure, budget, lasting=False, tell=lambda text: None
    )
    judged = verdicts(measured.metrics, limits)
    if short := missed(judged):
        raise NotHardenedError(
            f"registers of block RAMs have no protection of their own, and without it {short}; "
            "inject more faults"
        )
    again = replace(
        last, plan=plan, protected=made, mapped=mapped, measured=measured, verdicts=judged,
        tests=tests,
    )  # fmt: skip
    return replace(found, attempts=(*found.attempts, again), transient=again)
