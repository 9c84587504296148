"""The loop: measure, choose, build, count, inject again, until the bounds hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from boards.frozen import Frozen
from boards.protect import MappedDesign, Plan, Protected, map_sky130, protect
from boards.protect.area import added_area_um2
from boards.sky130 import library
from boards.sky130.memories import FLOP_LIMIT_BITS, memory_macro
from boards.sky130.table import PREFIX
from hw.contracts import KilnError
from sim.faults.experiment import Experiment, Step, observe
from sim.faults.metrics import Metric
from sim.faults.sites import FLOP, MEMORY, NET

from .choice import Chosen, Limits, NoProtectionError, Option, Structure, choose, greedy
from .measure import GROUP_OF, Budget, Measured, measure

__all__ = ["SCHEMES", "Attempt", "Hardened", "NotHardenedError", "Variant", "harden"]

SCHEMES = ("parity", "dwc", "tmr", "lockstep")
"""Schemes that structures are offered, beside none."""
MEMORY_SCHEMES = ("parity", "secded", "lockstep")

_EVEN = {"parity": 0.7, "secded": 0.1}
"""Share of multi-bit upsets of a word that a code misses: parity those of an even number of bits,
SECDED those of three (`sim.faults.model`)."""
Progress = Callable[[str], None]
Known = Mapping[tuple[str, str, str], Mapping[str, float]]
"""Residual failures by group, of a variant's structure with a scheme, as they were injected."""


class NotHardenedError(KilnError):
    """The bounds do not hold after the last attempt."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A way to build the design before its netlist is protected, such as with checksums.

    Members
    -------
    name : str
        "" is the design as it is.
    netlist : Frozen
        Its netlist.
    inputs : sequence of dict of str to int
        Of every cycle.
    window : range
        Cycles in which faults begin.
    area_um2 : float
        Standard cells.
    period_ns : float
        Of the mapped design.
    """

    name: str
    netlist: Frozen
    inputs: Sequence[Step]
    window: range
    area_um2: float
    macro_area_um2: float = 0.0
    period_ns: float = 0.0

    @property
    def experiment(self) -> Experiment:
        return Experiment(self.netlist, self.inputs, observe(self.netlist))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One round: what was chosen, built and found."""

    variant: str
    plan: Plan
    chosen: Chosen
    hasty: Chosen | None
    protected: Protected
    mapped: MappedDesign
    measured: Measured
    metrics: list[Metric] = field(default_factory=list)

    def added(self, area_um2: float) -> float:
        """Return the added standard-cell area as a share of the unprotected design's."""
        return self.mapped.area_um2 / area_um2 - 1


@dataclass(frozen=True, kw_only=True)
class Hardened:
    """The result: the unprotected design's measurements, and every attempt, the last of which
    keeps the limits."""

    base: Measured
    attempts: tuple[Attempt, ...]


def harden(
    variants: Sequence[Variant],
    structure: Callable[[str], str],
    limits: Limits,
    budget: Budget,
    *,
    attempts: int = 4,
    slower: float = 0.05,
    schemes: Sequence[str] = SCHEMES,
    progress: Progress | None = None,
) -> Hardened:
    """Protect a design until its upper bounds keep the limits, at the least area that does.

    Parameters
    ----------
    variants : sequence of Variant
        The first is the design as it is; the others are offered as parts that structures share.
    structure : callable
        The structure of a hierarchical name; structures are protected as a whole.
    attempts : int
        Rounds, at most.
    slower : float
        Share by which the mapped design's clock period may be longer.

    Raises
    ------
    NotHardenedError
        The last attempt misses a limit; says which, and by how much.
    NoProtectionError
        No combination of the options would keep the limits.
    """
    tell = progress or (lambda text: None)
    found: dict[str, Measured] = {}
    for variant in variants:
        tell(f"measuring {variant.name or 'the design as it is'}")
        found[variant.name] = measure(
            variant.experiment, variant.window, structure, budget, progress=tell
        )
    base = variants[0]
    limits = replace(limits, period_ns=base.period_ns * (1 + slower) or float("inf"))
    options = {v.name: _Options(v, structure, found[v.name], budget, schemes) for v in variants}
    known: dict[tuple[str, str, str], dict[str, float]] = {}
    done: list[Attempt] = []
    for _ in range(attempts):
        best: tuple[float, Variant, Chosen, list[Structure]] | None = None
        refused: NoProtectionError | None = None
        for variant in reversed(variants):  # the last needs least beside itself
            extra = variant.area_um2 - base.area_um2
            try:
                most = best[0] - extra if best else float("inf")
                picked = options[variant.name].best(known, limits, most, tell)
            except NoProtectionError as error:
                refused = error
                continue
            if picked:
                best = picked[0].area_um2 + extra, variant, *picked
        if best is None and refused:
            raise refused
        assert best is not None
        _, variant, chosen, structures = best
        attempt = _build(variant, chosen, structures, limits, structure, budget, tell)
        done.append(attempt)
        missed = _missed(attempt.metrics, limits)
        late = attempt.mapped.period_ns > limits.period_ns
        if late:
            missed = f"the period is {attempt.mapped.period_ns:.2f} ns, not {limits.period_ns:.2f}"
        if not missed:
            return Hardened(base=found[""], attempts=tuple(done))
        tell(f"after protection: {missed}")
        for name, row in attempt.measured.fit(residual=True).items():
            if name in chosen.options:
                known[variant.name, name, chosen.options[name].name] = row
        if late:
            options[variant.name].refuse(_slowest(chosen))
    raise NotHardenedError(
        f"{missed} after {attempts} attempts; inject more faults (--faults), or offer more schemes"
    )


def _build(
    variant: Variant,
    chosen: Chosen,
    structures: Sequence[Structure],
    limits: Limits,
    structure: Callable[[str], str],
    budget: Budget,
    tell: Progress,
) -> Attempt:
    plan = plan_of(variant.netlist, structure, chosen)
    shown = ", ".join(f"{n}: {o.name}" for n, o in chosen.options.items() if o.name != "none")
    tell(f"building {variant.name or 'the design'} with {shown or 'nothing'}")
    made = protect(variant.netlist, plan)
    mapped = map_sky130(made.verilog, variant.netlist.top, made.manifest, flat=True)
    tell(f"mapped to {mapped.area_um2:,.0f} um2, the manifest is whole; injecting again")

    def inner(name: str) -> str:
        added = name.startswith(("shadow.", "protect.")) or "$" in name
        return "protection" if added else structure(name)

    experiment = Experiment(made.netlist, variant.inputs, observe(made.netlist))
    again = measure(experiment, variant.window, inner, budget, progress=tell)
    return Attempt(
        variant=variant.name,
        plan=plan,
        chosen=chosen,
        hasty=greedy(structures, limits),
        protected=made,
        mapped=mapped,
        measured=again,
        metrics=again.metrics,
    )


def _slowest(chosen: Chosen) -> tuple[str, str]:
    """Return the structure whose protection stands in the way of the clock: first correction."""
    order = ("secded", "tmr", "parity", "dwc", "lockstep")
    rated = [(name, option.name) for name, option in chosen.options.items()]
    found = [
        (order.index(part), pair) for pair in rated for part in pair[1].split("/") if part in order
    ]
    return min(found)[1] if found else ("", "")


def plan_of(netlist: Frozen, structure: Callable[[str], str], chosen: Chosen) -> Plan:
    """Return the plan of a choice, register by register."""

    def scheme(name: str, kind: int) -> str:
        option = chosen.options.get(structure(name))
        flops, _, memories = (option.name if option else "none").partition("/")
        return memories if kind == MEMORY and memories else flops

    flops = {f.name: scheme(f.name, FLOP) for f in netlist.flops}
    memories = {m.name: scheme(m.name, MEMORY) for m in netlist.memories}
    return Plan(flops=_some(flops), memories=_some(memories))


def _some(schemes: Mapping[str, str]) -> dict[str, str]:
    """Return what is protected, and what a longer name must not take from a shorter one."""
    wanted = {name: scheme for name, scheme in schemes.items() if scheme != "none"}
    return wanted | {
        name: "none"
        for name, scheme in schemes.items()
        if scheme == "none" and any(name.startswith(prefix) for prefix in wanted)
    }


@lru_cache(maxsize=4)
def _cell_um2(name: str) -> float:
    return library().cells[PREFIX + name].area_um2


class _Options:
    """The options of each structure, their areas measured once."""

    def __init__(
        self,
        variant: Variant,
        structure: Callable[[str], str],
        measured: Measured,
        budget: Budget,
        schemes: Sequence[str],
    ) -> None:
        self._variant, self._structure, self._schemes = variant, structure, schemes
        self._measured, self._budget = measured, budget
        self._areas: dict[tuple[str, str], tuple[float, int]] = {}
        self._refused: set[tuple[str, str]] = set()

    def refuse(self, option: tuple[str, str]) -> None:
        """Offer an option no more: the clock did not take it."""
        self._refused.add(option)

    def best(
        self, known: Known, limits: Limits, most: float, tell: Progress
    ) -> tuple[Chosen, list[Structure]] | None:
        """Return the choice of least area, and what there was to choose from.

        None if it adds `most` um2 or more.

        Areas are measured of what is chosen only; until then an option has the area of its
        flip-flops alone, which is less. A choice of measured options that is best against such
        bounds is best.
        """
        while True:
            structures = self.structures(known)
            chosen = choose(structures, limits)
            if chosen.area_um2 >= most:
                return None
            wanted = [
                (name, option.name)
                for name, option in chosen.options.items()
                if option.name != "none" and (name, option.name) not in self._areas
            ]
            if not wanted:
                return chosen, structures
            for name, scheme in wanted:
                self._measure(name, scheme, tell)

    def structures(self, known: Known) -> list[Structure]:
        """Return every structure with its options; `known` residuals replace those expected."""
        raw = self._measured.fit(residual=False)
        flop_fit = self._budget.rates.of("transient", FLOP).fit_per_cell
        found = []
        for name, groups in raw.items():
            options = []
            for scheme in ("none", *self._offered(name)):
                if (name, scheme) in self._refused:
                    continue
                area, added = self._area(name, scheme)
                residual = self._residual(name, scheme)
                residual |= known.get((self._variant.name, name, scheme), {})
                more = dict(groups)
                if added:
                    group = GROUP_OF[FLOP]
                    more[group] = more.get(group, 0.0) + added * flop_fit
                options.append(
                    Option(name=scheme, area_um2=area, raw_fit=more, residual_fit=residual)
                )
            found.append(Structure(name, tuple(options)))
        return found

    def _offered(self, name: str) -> list[str]:
        """Return flop schemes, with a memory scheme behind a slash where there are memories."""
        flops = any(self._structure(f.name) == name for f in self._variant.netlist.flops)
        memories = any(self._structure(m.name) == name for m in self._variant.netlist.memories)
        if not memories:
            return list(self._schemes) if flops else []
        pairs = [f"{scheme}/{code}" for scheme in self._schemes for code in MEMORY_SCHEMES]
        return [*(f"none/{code}" for code in MEMORY_SCHEMES), *(pairs if flops else [])]

    def _area(self, name: str, scheme: str) -> tuple[float, int]:
        """Return the area that a scheme adds, or a lower bound, and the flip-flops."""
        if (name, scheme) in self._areas:
            return self._areas[name, scheme]
        flops, _, memories = scheme.partition("/")
        bits = self._bits.get(name, 0)
        copies = {"dwc": 1, "tmr": 2, "lockstep": 1}.get(flops, 0)
        area = copies * bits * _cell_um2("dfxtp_1")
        if flops == "parity":  # a tree over what is stored, of groups of 2 bits and more
            area += bits / 2 * _cell_um2("xor2_1")
        if memories == "lockstep":
            area += self._memory_um2(name)
        return area, copies * bits

    def _memory_um2(self, name: str) -> float:
        """Return the area of a structure's memories that are macros."""
        return sum(
            memory_macro(m.size, m.width).area_um2
            for m in self._variant.netlist.memories
            if self._structure(m.name) == name and m.size * m.width > FLOP_LIMIT_BITS
        )

    @cached_property
    def _bits(self) -> dict[str, int]:
        """Flip-flops of each structure."""
        found: dict[str, int] = {}
        for flop in self._variant.netlist.flops:
            name = self._structure(flop.name)
            found[name] = found.get(name, 0) + len(flop.q)
        return found

    def _measure(self, name: str, scheme: str, tell: Progress) -> None:
        netlist = self._variant.netlist
        chosen = Chosen({name: Option(name=scheme)}, (), 0.0)
        made = protect(netlist, plan_of(netlist, self._structure, chosen))
        area = added_area_um2(netlist, made)
        added = made.netlist.flop_bits - netlist.flop_bits
        tell(f"{name}: {scheme} adds {area:,.0f} um2 and {added} flip-flops")
        self._areas[name, scheme] = area, added

    def _residual(self, name: str, scheme: str) -> dict[str, float]:
        """Return what is expected to remain, before it was injected."""
        flops, _, memories = scheme.partition("/")
        found: dict[str, float] = {}
        for part in self._measured.parts:
            several = "multi-bit" in part.mechanism
            for h, stratum in enumerate(part.tally.strata):
                if stratum.tag != name:
                    continue
                value = float(part.fit[h]) * part.tally.estimate(h).high
                used = (memories or "none") if stratum.kind == MEMORY else flops
                if used != "none" and not (stratum.kind == NET and used != "lockstep"):
                    value *= _EVEN.get(used, 0.0) if several else 0.0
                group = GROUP_OF[stratum.kind]
                found[group] = found.get(group, 0.0) + value
        return found


def _missed(found: Sequence[Metric], limits: Limits) -> str:
    """Return which limit is missed, and by how much; "" if none is."""
    for metric in found:
        if metric.name == "SPFM" and metric.bound < limits.spfm:
            return f"SPFM of {metric.group} is {metric.bound:.3%}, not {limits.spfm:.1%}"
        if metric.name == "PMHF" and metric.group == "both" and metric.bound > limits.pmhf_fit:
            return f"PMHF is {metric.bound:.3g} FIT, not {limits.pmhf_fit:g}"
    return ""
