"""Timing of one module in its surroundings, and what its parent needs to know of it.

Slews are those of graph-based analysis: at every net the slowest edge that can arrive there. With
them each arc has one delay, and everything else is longest paths.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from boards.liberty import Arc, Cell, Library
from boards.netlist import Bit, Instance, Module
from hw.contracts import KilnError

from .buffers import Buffering, BufferTree
from .paths import longest_tails, ways_through
from .records import FALL, NEVER, RISE, Context, Edge, ModuleTiming, Node

__all__ = ["time_module"]

_PAIRS = {
    "positive_unate": ((RISE, RISE), (FALL, FALL)),
    "negative_unate": ((RISE, FALL), (FALL, RISE)),
    "non_unate": ((RISE, RISE), (RISE, FALL), (FALL, RISE), (FALL, FALL)),
}


def time_module(
    module: Module,
    library: Library,
    children: Mapping[str, ModuleTiming],
    context: Context,
    buffering: Buffering,
) -> ModuleTiming:
    """Return the timing of `module` in `context`, its children being timed already."""
    return _Timer(module, library, children, context, buffering).run()


class _Timer:
    def __init__(
        self,
        module: Module,
        library: Library,
        children: Mapping[str, ModuleTiming],
        context: Context,
        buffering: Buffering,
    ) -> None:
        self.module, self.cells, self.children = module, library.cells, children
        self.context, self.buffering = context, buffering
        self.loads: defaultdict[Bit, float] = defaultdict(float)
        self.fanouts: Counter[Bit] = Counter()
        self.slews: dict[Node, float] = {}
        self.arrivals: dict[Node, float] = {}
        self.edges: defaultdict[Node, list[Edge]] = defaultdict(list)
        self.ends: dict[Node, tuple[float, Instance, str]] = {}
        self.trees: dict[Bit, BufferTree] = {}
        self.hops: defaultdict[Bit, list[tuple[Instance, Arc | None, str, str]]] = defaultdict(list)
        self.clocks: set[Bit] = set()

    def run(self) -> ModuleTiming:
        for instance in self.module.instances:
            self._enter(instance)
        for bit, fanout in self.fanouts.items():
            self.loads[bit] += self.context.wire.load_pf(fanout)
        for port, bit in self.module.outputs.items():
            self.loads[bit] += self.context.loads_pf.get(port, 0.0)
        for port, bit in self.module.inputs.items():
            slew = self.context.slews_ns.get(port, self.context.input_slew_ns)
            for edge in (RISE, FALL):
                self.slews[bit, edge] = slew
        order = self._order()
        for bit in order:
            for hop in self.hops[bit]:
                self._pass(bit, *hop)
        for instance in self.module.instances:
            self._end(instance)
        return self._summary(order)

    def _enter(self, instance: Instance) -> None:
        """Note the instance's loads and the arcs it offers."""
        if child := self.children.get(instance.type):
            for pin, load in child.loads_pf.items():
                self._load(instance, pin, load)
            self.clocks.update(instance.pins[p] for p in child.clocks if p in instance.pins)
            pairs = {(source, target) for source, _, target, _ in child.through}
            pairs |= {("", target) for target, _ in child.launches}
            for source, target in pairs:
                self._offer(instance, None, source, target)
            return
        cell = self._cell(instance)
        for entry in cell.inputs:
            self._load(instance, entry.name, entry.capacitance_pf)
        for arc in cell.arcs:
            if arc.edge:
                self.clocks.add(instance.pins.get(arc.source, "x"))
            self._offer(instance, arc, "" if arc.edge else arc.source, arc.target)

    def _load(self, instance: Instance, pin: str, load_pf: float) -> None:
        bit = instance.pins.get(pin, "x")
        if isinstance(bit, int):
            self.loads[bit] += load_pf
            self.fanouts[bit] += 1

    def _offer(self, instance: Instance, arc: Arc | None, source: str, target: str) -> None:
        bit = instance.pins.get(target, "x")
        if isinstance(bit, int) and (not source or isinstance(instance.pins.get(source), int)):
            self.hops[bit].append((instance, arc, source, target))

    def _cell(self, instance: Instance) -> Cell:
        try:
            return self.cells[instance.type]
        except KeyError:
            raise KilnError(
                f"timing: {self.module.name}.{instance.name} is a {instance.type!r}, of which the "
                "cell library says nothing; map the design with the same library"
            ) from None

    def _order(self) -> list[Bit]:
        """Return driven nets so that every arc runs forward."""
        after: defaultdict[Bit, list[Bit]] = defaultdict(list)
        missing: dict[Bit, int] = dict.fromkeys(self.hops, 0)
        for bit, hops in self.hops.items():
            for instance, _, source, _ in hops:
                origin = instance.pins[source] if source else "x"
                if origin in self.hops:
                    after[origin].append(bit)
                    missing[bit] += 1
        ready = [bit for bit, number in missing.items() if not number]
        for bit in ready:
            for follower in after[bit]:
                missing[follower] -= 1
                if not missing[follower]:
                    ready.append(follower)
        if len(ready) < len(missing):
            stuck = next(bit for bit, number in missing.items() if number)
            name = self.hops[stuck][0][0].name
            raise KilnError(
                f"timing: {self.module.name}.{name} is part of a combinational loop; "
                "break it with a register"
            )
        return ready

    def _pass(
        self, bit: Bit, instance: Instance, arc: Arc | None, source: str, target: str
    ) -> None:
        """Carry slews and arrivals over one arc to `bit`."""
        origin = instance.pins[source] if source else None
        found = self._leaf(bit, arc, origin) if arc else self._child(instance, source, target)
        for before, after, delay, slew in found:
            if origin is None:
                node, arrival = None, delay
            else:
                node = (origin, before)
                arrival = self.arrivals.get(node, NEVER) + delay
            goal = (bit, after)
            self.slews[goal] = max(self.slews.get(goal, 0.0), slew)
            self.edges[goal].append(Edge(node, delay, instance, (source, target, before, after)))
            if arrival > self.arrivals.get(goal, NEVER):
                self.arrivals[goal] = arrival

    def _leaf(
        self, bit: Bit, arc: Arc, origin: Bit | None
    ) -> Iterator[tuple[int, int, float, float]]:
        tree = self.trees.get(bit)
        if tree is None:
            tree = self.trees[bit] = self.buffering.plan(self.loads[bit], self._limit(bit))
        pairs = _PAIRS[arc.sense] if origin is not None else ((RISE, RISE), (RISE, FALL))
        for before, after in pairs:
            if origin is None:
                slew = self.context.clock_slew_ns
            elif (origin, before) in self.slews:
                slew = self.slews[origin, before]
            else:
                continue
            delays, slews = (
                (arc.rise, arc.rise_slew) if after == RISE else (arc.fall, arc.fall_slew)
            )
            delay, out = delays(slew, tree.driver_load_pf), slews(slew, tree.driver_load_pf)
            if tree.count:
                more, out = self.buffering.along(tree, after == RISE, out)
                delay += more
            yield before, after, delay, max(out, 0.0)

    def _limit(self, bit: Bit) -> float:
        instance, _, _, target = self.hops[bit][0]
        return self.cells[instance.type].pins[target].max_load_pf

    def _child(
        self, instance: Instance, source: str, target: str
    ) -> Iterator[tuple[int, int, float, float]]:
        child = self.children[instance.type]
        for after in (RISE, FALL):
            slew = child.slews_ns.get((target, after), 0.0)
            if not source:
                if (target, after) in child.launches:
                    yield RISE, after, child.launches[target, after], slew
                continue
            for before in (RISE, FALL):
                delay = child.through.get((source, before, target, after))
                if delay is not None and (instance.pins[source], before) in self.slews:
                    yield before, after, delay, slew

    def _end(self, instance: Instance) -> None:
        """Note what the instance demands of its inputs before the clock edge."""
        if child := self.children.get(instance.type):
            for (pin, edge), tail in child.tails.items():
                self._demand(instance, pin, edge, tail)
            return
        for constraint in self.cells[instance.type].constraints:
            if constraint.kind == "setup":
                for edge, table in ((RISE, constraint.rise), (FALL, constraint.fall)):
                    slew = self.slews.get((instance.pins.get(constraint.pin, "x"), edge))
                    if slew is not None:
                        setup = table(self.context.clock_slew_ns, slew)
                        self._demand(instance, constraint.pin, edge, setup)

    def _demand(self, instance: Instance, pin: str, edge: int, time: float) -> None:
        node = (instance.pins.get(pin, "x"), edge)
        if node in self.slews and time > self.ends.get(node, (NEVER, None, ""))[0]:
            self.ends[node] = (time, instance, pin)

    def _summary(self, order: list[Bit]) -> ModuleTiming:
        inputs, outputs = self.module.inputs, self.module.outputs
        starts = {node: end[0] for node, end in self.ends.items()}
        tails = longest_tails(order, self.edges, starts)
        critical, end = NEVER, None
        for node, (setup, instance, pin) in self.ends.items():
            if self.arrivals.get(node, NEVER) + setup > critical:
                critical, end = self.arrivals[node] + setup, (node, instance, pin)
        return ModuleTiming(
            module=self.module,
            loads_pf={port: self.loads[bit] for port, bit in inputs.items()},
            launches={
                (port, edge): self.arrivals[bit, edge]
                for port, bit in outputs.items()
                for edge in (RISE, FALL)
                if self.arrivals.get((bit, edge), NEVER) > NEVER
            },
            through=ways_through(self.module, order, self.edges),
            tails={
                (port, edge): tails[bit, edge]
                for port, bit in inputs.items()
                for edge in (RISE, FALL)
                if tails.get((bit, edge), NEVER) > NEVER
            },
            slews_ns={
                (port, edge): self.slews[bit, edge]
                for port, bit in outputs.items()
                for edge in (RISE, FALL)
                if (bit, edge) in self.slews
            },
            critical=critical,
            critical_end=end,
            clocks={port for port, bit in inputs.items() if bit in self.clocks},
            net_slews=self.slews,
            net_loads=self.loads,
            arrivals=self.arrivals,
            edges=self.edges,
            ends=self.ends,
            children=self.children,
            trees=self.trees,
        )
