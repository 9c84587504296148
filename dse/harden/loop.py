"""The loop: measure, choose, build, count, inject again, until the bounds hold.

First for the targets of transient faults alone, then, if they are asked for, for those of permanent
faults as well, so that what each of them costs can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from boards.frozen import Frozen
from boards.protect import MappedDesign, Plan, Protected, map_sky130, protect, with_plain_enables
from hw.contracts import KilnError
from sim.faults.experiment import Step
from sim.faults.metrics import Metric
from sim.faults.metrics.asil import Verdict

from .bounds import missed, verdicts
from .choice import Chosen, Limits, NoProtectionError, Option, Structure, greedy
from .measure import GUARD, Budget, Measured, measure, permanent
from .options import SCHEMES, Options, Progress, Row, Variant, plan_of

__all__ = [
    "Attempt",
    "Hardened",
    "NotHardenedError",
    "guarded",
    "harden",
    "inject",
    "self_tests",
]


class NotHardenedError(KilnError):
    """The bounds do not hold after the last attempt."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One round: what was chosen, built and found.

    Members
    -------
    tests : list of lists of dict of str to int
        Inputs of the start-up self-tests.
    """

    variant: Variant
    plan: Plan
    chosen: Chosen
    hasty: Chosen | None
    protected: Protected
    mapped: MappedDesign
    measured: Measured
    verdicts: list[Verdict]
    tests: list[list[Step]]

    @property
    def metrics(self) -> list[Metric]:
        return self.measured.metrics

    def added(self, area_um2: float) -> float:
        """Return the added standard-cell area as a share of the unprotected design's."""
        return self.mapped.area_um2 / area_um2 - 1


@dataclass(frozen=True, kw_only=True)
class Hardened:
    """The result.

    Members
    -------
    base : Measured
        The unprotected design.
    attempts : tuple of Attempt
        The last of them keeps all limits.
    transient : Attempt
        The first that keeps those of transient faults.
    period_ns : float
        Longest clock period that was allowed.
    """

    base: Measured
    attempts: tuple[Attempt, ...]
    transient: Attempt
    period_ns: float


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
    limits : Limits
        With an `lfm` also permanent faults are injected, and the protection has a self-test.
    attempts : int
        Rounds, at most, for transient faults, and as many again for permanent ones.
    slower : float
        Share by which the mapped design's clock period may be longer.

    Raises
    ------
    NotHardenedError
        The last attempt misses a limit; says which, and by how much.
    NoProtectionError
        No combination of the options would keep the limits.
    """
    period_ns = variants[0].period_ns * (1 + slower) or float("inf")
    limits = replace(limits, period_ns=period_ns)
    work = _Work(variants, structure, limits, budget, schemes, progress or (lambda text: None))
    work.measure()
    first = work.until(replace(limits, lfm=0.0), attempts)
    if limits.lfm:
        work.measure_permanent()
        work.go_on(first, limits, attempts)
    return Hardened(
        base=work.found[variants[0].name],
        attempts=tuple(work.done),
        transient=first,
        period_ns=period_ns,
    )


class _Work:
    """A hardening under way."""

    def __init__(
        self,
        variants: Sequence[Variant],
        structure: Callable[[str], str],
        limits: Limits,
        budget: Budget,
        schemes: Sequence[str],
        tell: Progress,
    ) -> None:
        self.variants, self.structure, self.budget = variants, structure, budget
        self.schemes, self.tell = schemes, tell
        self.found: dict[str, Measured] = {}
        self.done: list[Attempt] = []
        self.options: dict[str, Options] = {}
        self.known: dict[tuple[str, str, str], tuple[Row, Row]] = {}
        self.exhausted = False

    def measure(self) -> None:
        """Inject transient faults into every variant."""
        for variant in self.variants:
            self.tell(f"measuring {variant.name or 'the design as it is'}")
            budget = replace(self.budget, gates=variant.gates)
            self.found[variant.name] = measure(
                variant.experiment,
                variant.window,
                self.structure,
                budget,
                within=variant.within,
                progress=self.tell,
            )
        self._offer(self_test=False)

    def measure_permanent(self) -> None:
        """Inject permanent faults into every variant as well."""
        for variant in self.variants:
            self.tell(f"permanent faults of {variant.name or 'the design as it is'}")
            self.found[variant.name] |= permanent(
                variant.experiment,
                self.structure,
                replace(self.budget, gates=variant.gates),
                within=variant.within,
                tests=self_tests(variant.netlist, variant.inputs, variant.window.start),
                progress=self.tell,
            )
        self._offer(self_test=True)

    def _offer(self, *, self_test: bool) -> None:
        for v in self.variants:
            refused = self.options[v.name].refused if v.name in self.options else set()
            self.options[v.name] = Options(
                v, self.structure, self.found[v.name], self.budget, self.schemes,
                self_test=self_test,
            )  # fmt: skip
            self.options[v.name].refused |= refused

    def go_on(self, first: Attempt, limits: Limits, attempts: int) -> Attempt:
        """Return an attempt that keeps the limits of permanent faults too.

        What is least for the transient ones alone is least for both if it keeps both.
        """
        if not first.plan.flops and not first.plan.memories:
            self.tell("permanent faults of what was built for transient ones")
            measured = first.measured | self._permanent(first)
            judged = verdicts(measured.metrics, limits)
            again = replace(first, measured=measured, verdicts=judged)
        else:
            again = self._build(first.variant, first.chosen, first.hasty, limits)
        self.done.append(again)
        return again if self._holds(again, limits) else self.until(limits, attempts)

    def until(self, limits: Limits, attempts: int) -> Attempt:
        """Choose, build and inject until all limits hold."""
        for _ in range(attempts):
            variant, chosen, structures = self._pick(limits)
            self.done.append(self._build(variant, chosen, greedy(structures, limits), limits))
            if self._holds(self.done[-1], limits):
                return self.done[-1]
        raise NotHardenedError(
            f"{_short(self.done[-1], limits)} after {attempts} attempts; inject more faults "
            "(--faults), or offer more schemes"
        )

    def _pick(self, limits: Limits) -> tuple[Variant, Chosen, list[Structure]]:
        """Return the variant and the choice that add least."""
        best: tuple[float, Variant, Chosen, list[Structure]] | None = None
        refused: NoProtectionError | None = None
        for variant in reversed(self.variants):  # the last needs least beside itself
            extra = variant.area_um2 - self.variants[0].area_um2
            most = best[0] - extra if best else float("inf")
            try:
                picked = self.options[variant.name].best(self.known, limits, most, self.tell)
            except NoProtectionError as error:
                refused = error
                continue
            if picked:
                best = picked[0].area_um2 + extra, variant, *picked
        if best is not None:
            return best[1:]
        assert refused is not None
        if not self.known or self.exhausted or self.options[self.variants[-1].name].refused:
            raise refused
        self.exhausted = True
        return self._strongest()

    def _strongest(self) -> tuple[Variant, Chosen, list[Structure]]:
        """Return the last variant with everything in lockstep.

        What a structure leaves over in lockstep was seen beside others that were not, so that the
        logic between them was not copied: all together leave less.
        """
        self.tell("nothing less will do: everything in lockstep")
        variant = self.variants[-1]
        structures = self.options[variant.name].structures(self.known)
        options = {s.name: _in_lockstep(s) for s in structures}
        return variant, Chosen(options, (), sum(o.area_um2 for o in options.values())), structures

    def _build(
        self, variant: Variant, chosen: Chosen, hasty: Chosen | None, limits: Limits
    ) -> Attempt:
        lasting = limits.lfm > 0
        plan = plan_of(variant.netlist, self.structure, chosen, self_test=lasting)
        shown = ", ".join(f"{n}: {o.name}" for n, o in chosen.options.items() if o.name != "none")
        self.tell(f"building {variant.name or 'the design'} with {shown or 'nothing'}")
        made = protect(variant.netlist, plan)
        mapped = _mapped(variant, plan, made)
        self.tell(f"mapped to {mapped.area_um2:,.0f} um2, the manifest is whole; injecting again")
        measured, tests = inject(
            variant, made, mapped, self.structure, self.budget, lasting=lasting, tell=self.tell
        )
        return Attempt(
            variant=variant,
            plan=plan,
            chosen=chosen,
            hasty=hasty,
            protected=made,
            mapped=mapped,
            measured=measured,
            verdicts=verdicts(measured.metrics, limits),
            tests=tests,
        )

    def _permanent(self, attempt: Attempt) -> Measured:
        variant = attempt.variant
        return permanent(
            variant.experiment_of(attempt.protected.netlist),
            guarded(variant.netlist, self.structure),
            replace(self.budget, gates=attempt.mapped.gates),
            within=variant.within,
            tests=attempt.tests,
            progress=self.tell,
        )

    def _holds(self, attempt: Attempt, limits: Limits) -> bool:
        """Return whether an attempt keeps the limits; if not, learn from it."""
        short = _short(attempt, limits)
        if not short:
            return True
        self.tell(f"after protection: {short}")
        variant, options = attempt.variant.name, attempt.chosen.options
        latent = attempt.measured.latent()
        for name, row in attempt.measured.fit(residual=True).items():
            if name in options:
                key = variant, name, options[name].name
                old = self.known.get(key, ({}, {}))
                self.known[key] = {**old[0], **row}, {**old[1], **latent[name]}
        if attempt.mapped.period_ns > limits.period_ns:
            self.options[variant].refuse(_slowest(attempt.chosen))
        return False


def inject(
    variant: Variant,
    made: Protected,
    mapped: MappedDesign,
    structure: Callable[[str], str],
    budget: Budget,
    *,
    lasting: bool,
    tell: Progress,
) -> tuple[Measured, list[list[Step]]]:
    """Return what faults do to a protected variant, permanent ones if `lasting`; and its tests."""
    tags, budget = guarded(variant.netlist, structure), replace(budget, gates=mapped.gates)
    experiment, within = variant.experiment_of(made.netlist), variant.within
    found = measure(experiment, variant.window, tags, budget, within=within, progress=tell)
    start = variant.window.start
    tests = self_tests(made.netlist, variant.inputs, start, made.test_cycles)
    if lasting:
        found |= permanent(experiment, tags, budget, within=within, tests=tests, progress=tell)
    return found, tests


def self_tests(
    netlist: Frozen, inputs: Sequence[Step], start: int, cycles: int = 0
) -> list[list[Step]]:
    """Return the inputs of a design's start-up self-tests: the run itself, with a test under way.

    Parameters
    ----------
    start : int
        Cycle in which ``protect_test`` is given.
    cycles : int
        Cycles that it takes.
    """
    ports = {port.name for port in netlist.inputs}
    found: list[list[Step]] = []
    if "check_inject" in ports:
        found.append([{**step, "check_inject": 1} for step in inputs])
    if "protect_test" in ports:
        more = max(0, start + cycles + 2 - len(inputs))
        run = [*inputs, *([inputs[-1]] * more)]
        found.append([{**step, "protect_test": int(at == start)} for at, step in enumerate(run)])
    return found


def guarded(netlist: Frozen, structure: Callable[[str], str]) -> Callable[[str], str]:
    """Return the structure of each name of a protected netlist.

    What protection added is of ``protection of X``, where X is what it guards.
    """
    plain = with_plain_enables(netlist)
    own = {f.name for f in plain.flops} | {c.name for c in plain.cells}
    own |= {m.name for m in plain.memories}

    def tag(name: str) -> str:
        if name in own:
            return structure(name)
        stem = name.removeprefix("shadow.")
        while stem not in own and "$" in stem:
            stem = stem.rpartition("$")[0]
        return GUARD + (structure(stem) if stem in own else "all")

    return tag


def _mapped(variant: Variant, plan: Plan, made: Protected) -> MappedDesign:
    """Return the protected design's mapping: the variant's own if nothing was added to it."""
    if variant.mapped and not plan.flops and not plan.memories:
        return variant.mapped
    return map_sky130(made.verilog, variant.netlist.top, made.manifest, flat=True)


def _in_lockstep(structure: Structure) -> Option:
    """Return the option with most in lockstep."""
    return max(structure.options, key=lambda option: option.name.count("lockstep"))


def _short(attempt: Attempt, limits: Limits) -> str:
    """Return what an attempt misses; "" if nothing."""
    if attempt.mapped.period_ns > limits.period_ns:
        return f"the period is {attempt.mapped.period_ns:.2f} ns, not {limits.period_ns:.2f}"
    return missed(attempt.verdicts)


def _slowest(chosen: Chosen) -> tuple[str, str]:
    """Return the structure whose protection stands in the way of the clock: first correction."""
    order = ("secded", "tmr", "parity", "dwc", "lockstep")
    rated = [(name, option.name) for name, option in chosen.options.items()]
    found = [
        (order.index(part), pair) for pair in rated for part in pair[1].split("/") if part in order
    ]
    return min(found)[1] if found else ("", "")
