"""What each structure may get: schemes, their areas, and what is expected to remain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from boards.frozen import Frozen
from boards.protect import MappedDesign, Plan, protect
from boards.protect.area import added_area_um2
from boards.sky130 import library
from boards.sky130.memories import FLOP_LIMIT_BITS, memory_macro
from boards.sky130.table import PREFIX
from hw.contracts import ConfigError
from sim.faults.experiment import Experiment, Observation, Step, observe
from sim.faults.sites import FLOP, MEMORY, NET

from .choice import Chosen, Limits, Option, Structure, choose
from .measure import Budget, Measured, group_of, owner

__all__ = ["SCHEMES", "Known", "Options", "Progress", "Variant", "plan_of"]

SCHEMES = ("parity", "dwc", "tmr", "lockstep")
"""Schemes that structures are offered, beside none."""
MEMORY_SCHEMES = ("parity", "secded", "lockstep")

_EVEN = {"parity": 0.7, "secded": 0.1}
"""Share of multi-bit upsets of a word that a code misses: parity those of an even number of bits,
SECDED those of three (`sim.faults.model`)."""
Progress = Callable[[str], None]
Row = Mapping[str, float]
Known = Mapping[tuple[str, str, str], tuple[Row, Row]]
"""Residual and latent failures by group, of a variant's structure with a scheme, as injected."""


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
    area_um2, macro_area_um2 : float
        Standard cells; memories.
    period_ns : float
        Of the mapped design.
    gates : float
        Its gates, which share the transients of all nets; 0 takes as many as bits of nets.
    mapped : MappedDesign, optional
        The whole of it, for a plan that protects nothing more.
    observation : Observation, optional
        Which of its outputs count, and as what; by default what port names tell.
    within : int, optional
        Cycles after the first wrong output in which a detector must fire; any, if left out.
    """

    name: str
    netlist: Frozen
    inputs: Sequence[Step]
    window: range
    area_um2: float
    macro_area_um2: float = 0.0
    period_ns: float = 0.0
    gates: float = 0.0
    mapped: MappedDesign | None = None
    observation: Observation | None = None
    within: int | None = None

    @property
    def experiment(self) -> Experiment:
        """What is run of the design itself."""
        return self.experiment_of(self.netlist)

    def experiment_of(self, netlist: Frozen) -> Experiment:
        """Return the same run of the design with protection, whose outputs say what it saw.

        Raises
        ------
        ConfigError
            An output of the design's own has the name of what protection adds to, and was
            declared to be something else than a detector.
        """
        own = {port.name for port in self.netlist.outputs}
        seen, told = self.observation or observe(self.netlist), observe(netlist)
        changed = netlist is not self.netlist
        for name in (*told.detectors, *told.correctors):
            if changed and name in own and name not in (*seen.detectors, *seen.correctors):
                raise ConfigError(
                    f"{name}: protection tells there what it sees; name it among detectors or "
                    "correctors, or give the output another name"
                )
        detectors = (*seen.detectors, *(name for name in told.detectors if name not in own))
        correctors = (*seen.correctors, *(name for name in told.correctors if name not in own))
        both = replace(seen, detectors=detectors, correctors=correctors)
        return Experiment(netlist, self.inputs, both)


def plan_of(
    netlist: Frozen,
    structure: Callable[[str], str],
    chosen: Chosen,
    *,
    self_test: bool = False,
) -> Plan:
    """Return the plan of a choice, register by register."""

    def scheme(name: str, kind: int) -> str:
        option = chosen.options.get(structure(name))
        flops, _, memories = (option.name if option else "none").partition("/")
        return memories if kind == MEMORY and memories else flops

    flops = {f.name: scheme(f.name, FLOP) for f in netlist.flops}
    memories = {m.name: scheme(m.name, MEMORY) for m in netlist.memories}
    return Plan(flops=_some(flops), memories=_some(memories), self_test=self_test)


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


class Options:
    """The options of each structure, their areas measured once."""

    def __init__(
        self,
        variant: Variant,
        structure: Callable[[str], str],
        measured: Measured,
        budget: Budget,
        schemes: Sequence[str],
        *,
        self_test: bool = False,
    ) -> None:
        self._variant, self._structure, self._schemes = variant, structure, schemes
        self._measured, self._budget, self._self_test = measured, budget, self_test
        self._areas: dict[tuple[str, str], tuple[float, int]] = {}
        self.refused: set[tuple[str, str]] = set()

    def refuse(self, option: tuple[str, str]) -> None:
        """Offer an option no more: the clock did not take it."""
        self.refused.add(option)

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
        raw, latent = self._measured.fit(residual=False), self._measured.latent()
        natures = {part.nature for part in self._measured.parts}
        flop_fit = {group_of(n, FLOP): self._budget.rates.of(n, FLOP).fit_per_cell for n in natures}
        found = []
        for name, groups in raw.items():
            options = []
            for scheme in ("none", *self._offered(name)):
                if (name, scheme) in self.refused:
                    continue
                area, added = self._area(name, scheme)
                left, hidden = known.get((self._variant.name, name, scheme), ({}, {}))
                more = {
                    group: groups.get(group, 0.0) + added * flop_fit.get(group, 0.0)
                    for group in {**groups, **(flop_fit if added else {})}
                }
                options.append(
                    Option(
                        name=scheme,
                        area_um2=area,
                        raw_fit=more,
                        residual_fit={**self._residual(name, scheme), **left},
                        latent_fit={**latent[name], **hidden},
                    )
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
        if scheme != "none":  # what its checkers say is held in a flip-flop at least
            area += _cell_um2("dfxtp_1")
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
        plan = plan_of(netlist, self._structure, chosen, self_test=self._self_test)
        made = protect(netlist, plan)
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
                if owner(stratum.tag) != name:
                    continue
                value = float(part.fit[h]) * part.tally.estimate(h).high
                used = (memories or "none") if stratum.kind == MEMORY else flops
                if used != "none" and not (stratum.kind == NET and used != "lockstep"):
                    value *= _EVEN.get(used, 0.0) if several else 0.0
                group = group_of(part.nature, stratum.kind)
                found[group] = found.get(group, 0.0) + value
        return found
