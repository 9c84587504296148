"""Switching activity of a design under a real workload, from the counts of its coverage points."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from .coverage import Point

__all__ = ["measure_activity", "select_points"]

_TOGGLE = re.compile(r"^(.*?)((?:\[\d+\])*):(?:0->1|1->0)$")
_MODULE = re.compile(r"^module\s+(\S+?)\s*\(")
_MEMORY = re.compile(r"^\s*reg\s+(?:signed\s+)?(?:\[[^\]]+\]\s*)?(\S+)\s*\[[^\]]+\]\s*;")
_COUNTED = re.compile(r"^\s*(output\s+reg|reg|input\s+wire)\b(?!.*\b(clk|rst|aclk|aresetn)\b)")
_VECTOR = re.compile(r"\[(\d+):0\]\s*(\w+)\s*[,;]?\s*$")
_APART = "_kiln_apart"
_QUIET = ("clk", "rst", "aclk", "aresetn")  # toggle by definition, or never


def select_points(verilog: str) -> str:
    """Return the text with coverage switched on for registers, inputs and memory accesses alone.

    That is what power needs, and compiles several times faster than everything: Verilator emits
    code per net and instance. A vector gets a companion, whether neighbouring bits differ. Line
    numbers stay.
    """
    counted = {number for _, _, number in _memory_lines(verilog)}
    lines, header, ports = [], False, ""
    for number, text in enumerate(verilog.splitlines(), start=1):
        header = header or text.startswith("module ")
        here = number in counted
        if _COUNTED.match(text) and not _MEMORY.match(text):
            here, companion = True, _companion(text)
            ports, text = (ports + companion, text) if header else (ports, text + companion)
        if header and text.rstrip().endswith(");"):
            here, text = here or bool(ports), text + ports
            header, ports = False, ""
        lines.append(f"/*verilator coverage_on*/{text}/*verilator coverage_off*/" if here else text)
    return "/*verilator coverage_off*/" + "\n".join(lines) + "\n"


def _companion(declaration: str) -> str:
    """Return a wire that says which neighbouring bits of a declared vector differ, if it is one."""
    vector = _VECTOR.search(declaration)
    if vector is None or int(vector[1]) < 1:
        return ""
    top, name = int(vector[1]), vector[2]
    return f" wire [{top - 1}:0] {name}{_APART} = {name}[{top}:1] ^ {name}[{top - 1}:0];"


def measure_activity(
    points: Counter[Point], verilog: str, instances: Mapping[str, int], cycles: int
) -> dict[str, float]:
    """Return how often things switch, per cycle and per instance.

    Parameters
    ----------
    points : Counter of Point
        Counts of a simulation, summed over instances.
    verilog : str
        Text of the design, which says where memories are read and written.
    instances : mapping of str to int
        How often each module occurs; once where it is missing.
    cycles : int
        Clock cycles in which the engine was at work; it moves nothing in others.

    Returns
    -------
    dict of str to float
        ``"module"``: mean toggles per bit and cycle; clock and reset are left out;
        ``"module.signal"``: the same for one net; ``"module.signal:apart"``: how often a pair of
        its neighbouring bits starts or ceases to differ; ``"module.memory:read"`` and
        ``"module.memory:write"``: accesses per cycle.
    """
    toggles: Counter[tuple[str, str]] = Counter()
    bits: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for point, count in points.items():
        if point.kind == "toggle" and (found := _TOGGLE.match(point.what)):
            net = point.module, found[1]
            toggles[net] += count
            bits[net].add(found[2])
    activity = _rates(toggles, bits, instances, cycles)
    for (module, access), count in _accesses(points, verilog).items():
        rate = count / (cycles * instances.get(module, 1))
        activity[f"{module}.{access}"] = min(1.0, rate)  # what is read always is read when idle too
    return activity


def _rates(
    toggles: Counter[tuple[str, str]],
    bits: Mapping[tuple[str, str], set[str]],
    instances: Mapping[str, int],
    cycles: int,
) -> dict[str, float]:
    rates: dict[str, float] = {}
    total: Counter[str] = Counter()
    width: Counter[str] = Counter()
    for (module, signal), count in toggles.items():
        if signal in _QUIET:
            continue
        per_instance = count / (cycles * instances.get(module, 1))
        wide = len(bits[module, signal])
        if signal.endswith(_APART):
            rates[f"{module}.{signal.removesuffix(_APART)}:apart"] = per_instance / wide
            continue
        rates[f"{module}.{signal}"] = per_instance / wide
        total[module] += per_instance  # type: ignore[assignment]
        width[module] += wide
    return rates | {module: total[module] / width[module] for module in total}


def _accesses(points: Counter[Point], verilog: str) -> Counter[tuple[str, str]]:
    """Return how often the lines that read or write a memory were executed."""
    executed: Counter[tuple[str, int]] = Counter()
    for point, count in points.items():
        if point.kind != "toggle":
            for line in _line_numbers(point.lines):
                at = point.module, line
                executed[at] = max(executed[at], count)
    found: Counter[tuple[str, str]] = Counter()
    for module, access, line in _memory_lines(verilog):
        found[module, access] += executed[module, line]
    return found


def _line_numbers(lines: str) -> Iterator[int]:
    for part in lines.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _memory_lines(verilog: str) -> Iterator[tuple[str, str, int]]:
    """Return ``(module, "memory:read" or "memory:write", line)`` of every synchronous access."""
    module, memories = "", set[str]()
    for number, text in enumerate(verilog.splitlines(), start=1):
        if opened := _MODULE.match(text):
            module, memories = opened[1], set()
        elif declared := _MEMORY.match(text):
            memories.add(declared[1])
        elif "<=" in text:
            target, _, source = text.partition("<=")
            for name in memories:
                if re.search(rf"(?<![\w$]){re.escape(name)}\s*\[", target):
                    yield module, f"{name}:write", number
                elif re.search(rf"(?<![\w$]){re.escape(name)}\s*\[", source):
                    yield module, f"{name}:read", number
