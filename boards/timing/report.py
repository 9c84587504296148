"""The critical path of a timed design, step by step, down through the hierarchy."""

from __future__ import annotations

from collections.abc import Iterator

from .records import Edge, ModuleTiming, Node, Step

__all__ = ["critical_path"]

_EDGES = ("rise", "fall")


def critical_path(timing: ModuleTiming) -> tuple[Step, ...]:
    """Return the steps of the longest register-to-register path under `timing`."""
    if timing.critical_end is None:
        return ()
    node, _, _ = timing.critical_end
    return (*_arrive(timing, node, ""), *_finish(timing, node, ""))


def _arrive(timing: ModuleTiming, node: Node, place: str) -> Iterator[Step]:
    """Yield the steps from the launching register to `node`."""
    backward: list[Edge] = []
    at: Node | None = node
    while at is not None and timing.edges.get(at):
        backward.append(max(timing.edges[at], key=lambda edge: _reach(timing, edge)))
        at = backward[-1].source
    for edge in reversed(backward):
        yield from _within(timing, edge, place)


def _reach(timing: ModuleTiming, edge: Edge) -> float:
    if edge.source is None:
        return edge.delay
    return timing.arrivals.get(edge.source, float("-inf")) + edge.delay


def _within(timing: ModuleTiming, edge: Edge, place: str) -> Iterator[Step]:
    """Yield the steps inside the instance that `edge` belongs to."""
    source, target, before, after = edge.pins
    where = f"{place}{edge.instance.name}"
    child = timing.children.get(edge.instance.type)
    if child is None:
        yield Step(f"{where}/{target} {_EDGES[after]}", edge.instance.type, edge.delay)
    elif not source:
        yield from _arrive(child, (child.module.outputs[target], after), f"{where}.")
    else:
        start = (child.module.inputs[source], before)
        goal = (child.module.outputs[target], after)
        yield from _cross(child, start, goal, f"{where}.")


def _cross(timing: ModuleTiming, start: Node, goal: Node, place: str) -> Iterator[Step]:
    """Yield the steps of the longest way from `start` to `goal`, walking back by need."""
    best: dict[Node, tuple[float, Edge | None]] = {start: (0.0, None)}

    def longest(node: Node) -> float:
        if node not in best:
            found = [
                (longest(edge.source) + edge.delay, edge)
                for edge in timing.edges.get(node, ())
                if edge.source is not None
            ]
            best[node] = max(found, key=lambda pair: pair[0], default=(float("-inf"), None))
        return best[node][0]

    longest(goal)
    edges: list[Edge] = []
    node = goal
    while (edge := best[node][1]) is not None and edge.source is not None:
        edges.append(edge)
        node = edge.source
    for edge in reversed(edges):
        yield from _within(timing, edge, place)


def _finish(timing: ModuleTiming, node: Node, place: str) -> Iterator[Step]:
    """Yield the steps from `node` to the register whose setup time is worst."""
    goal = _tail_end(timing, node)
    if goal is None:
        return
    if goal != node:
        yield from _cross(timing, node, goal, place)
    setup, instance, pin = timing.ends[goal]
    child = timing.children.get(instance.type)
    where = f"{place}{instance.name}"
    if child is None:
        yield Step(f"{where}/{pin} setup", instance.type, setup)
    else:
        yield from _finish(child, (child.module.inputs[pin], goal[1]), f"{where}.")


def _tail_end(timing: ModuleTiming, node: Node) -> Node | None:
    """Return the node, at or after `node`, at which the longest tail ends."""
    followers: dict[Node, list[tuple[Node, float]]] = {}
    for goal, edges in timing.edges.items():
        for edge in edges:
            if edge.source is not None:
                followers.setdefault(edge.source, []).append((goal, edge.delay))
    best: dict[Node, tuple[float, Node | None]] = {}

    def longest(at: Node) -> tuple[float, Node | None]:
        if at not in best:
            here = (timing.ends[at][0], at) if at in timing.ends else (float("-inf"), None)
            onward = [
                (delay + longest(to)[0], longest(to)[1]) for to, delay in followers.get(at, ())
            ]
            best[at] = max([here, *onward], key=lambda pair: pair[0])
        return best[at]

    return longest(node)[1]
