"""Full duplication, for comparison: the whole design twice, its outputs compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from boards.protect import MappedDesign, Plan, map_sky130, protect
from sim.faults.metrics.asil import Verdict

from .bounds import verdicts
from .choice import Limits
from .loop import inject
from .measure import Budget
from .options import Progress, Variant

__all__ = ["Duplicated", "duplicate"]


@dataclass(frozen=True, kw_only=True)
class Duplicated:
    """The design twice: mapped by the same flow, and injected into for the same targets."""

    mapped: MappedDesign
    verdicts: list[Verdict]


def duplicate(
    variant: Variant,
    structure: Callable[[str], str],
    limits: Limits,
    budget: Budget,
    *,
    progress: Progress | None = None,
) -> Duplicated:
    """Map a design and a second one beside it, memories included, and inject into both."""
    tell = progress or (lambda text: None)
    tell("full duplication, for comparison")
    net = variant.netlist
    plan = Plan(
        flops={"": "lockstep"} if net.flops else {},
        memories={"": "lockstep"} if net.memories else {},
        self_test=limits.lfm > 0,
    )
    made = protect(net, plan)
    mapped = map_sky130(made.verilog, net.top, made.manifest, flat=True)
    tell(f"mapped to {mapped.area_um2:,.0f} um2, the manifest is whole; injecting")
    found, _ = inject(variant, made, mapped, structure, budget, lasting=limits.lfm > 0, tell=tell)
    return Duplicated(mapped=mapped, verdicts=verdicts(found.metrics, limits))
