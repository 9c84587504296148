"""Replaying a value change dump: inputs as they are when each clock edge takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from boards.frozen import Frozen
from hw.contracts import ConfigError, did_you_mean

__all__ = ["vcd_steps"]


@dataclass
class _Dump:
    """Names of a dump: code and width of each variable, by scope and name."""

    scopes: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    body: list[tuple[int, str]] = field(default_factory=list)


def vcd_steps(path: Path, netlist: Frozen, *, scope: str = "") -> list[dict[str, int]]:
    """Return the inputs of each cycle: their values right before each rising edge of the clock.

    Unknown and floating bits are 0.

    Parameters
    ----------
    scope : str
        Where the ports are, ``tb.dut``; by default the only scope that has all of them, the
        shortest if there are several.

    Raises
    ------
    ConfigError
        A file that is no VCD, or has no such scope, or no clock edges.
    """
    dump = _header(path)
    ports = [*[port.name for port in netlist.inputs], netlist.clock]
    signals = _scope(path, dump, ports, scope)
    for port in netlist.inputs:
        if signals[port.name][1] != len(port.bits):
            raise ConfigError(
                f"{path}: {port.name} has {signals[port.name][1]} bits there and "
                f"{len(port.bits)} in {netlist.top}; record the same design"
            )
    codes = {code: 0 for code, _ in signals.values()}
    clock = signals[netlist.clock][0]
    steps: list[dict[str, int]] = []
    before = dict(codes)  # the values at the end of the time before this one
    for line, text in dump.body:
        if text.startswith("#"):
            before = dict(codes)
            continue
        change = _change(path, line, text)
        if change is None or change[0] not in codes:
            continue
        code, value = change
        if code == clock and value == 1 and codes[clock] == 0:
            steps.append({name: before[signals[name][0]] for name in ports[:-1]})
        codes[code] = value
    if not steps:
        raise ConfigError(
            f"{path}: clock {netlist.clock!r} has no rising edge; record a run of the design"
        )
    return steps


def _header(path: Path) -> _Dump:
    """Return the declarations of a dump."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give a VCD") from None
    head, end, body = text.partition("$enddefinitions")
    if not end:
        raise ConfigError(f"{path} is no VCD: it lacks $enddefinitions; record it again")
    dump, where = _Dump(), list[str]()
    words = iter(head.split())
    for word in words:
        if word == "$scope":
            _, name = next(words, ""), next(words, "")
            where.append(name)
        elif word == "$upscope":
            where = where[:-1]
        elif word == "$var":
            _, width, code, name = (next(words, "") for _ in range(4))
            if not width.isdigit():
                raise ConfigError(f"{path}: a variable of {width!r} bits; record it again")
            dump.scopes.setdefault(".".join(where), {})[name.partition("[")[0]] = code, int(width)
    first = head.count("\n") + 1
    lines = body.partition("$end")[2].splitlines()
    dump.body = [(first + at, line.strip()) for at, line in enumerate(lines)]
    return dump


def _scope(path: Path, dump: _Dump, ports: Sequence[str], scope: str) -> dict[str, tuple[str, int]]:
    if scope:
        if scope not in dump.scopes:
            raise ConfigError(
                f"{path}: there is no scope {scope!r}{did_you_mean(scope, dump.scopes)}"
            )
        missing = [name for name in ports if name not in dump.scopes[scope]]
        if missing:
            raise ConfigError(
                f"{path}: scope {scope} lacks {', '.join(missing)}; record all input ports"
            )
        return dump.scopes[scope]
    fitting = [name for name, found in dump.scopes.items() if set(ports) <= set(found)]
    if fitting:
        return dump.scopes[min(fitting, key=lambda name: (name.count("."), name))]
    best = max(dump.scopes, key=lambda n: len(set(ports) & set(dump.scopes[n])), default="")
    missing = [name for name in ports if name not in dump.scopes.get(best, {})]
    raise ConfigError(
        f"{path}: no scope has all input ports; {best or 'the file'} lacks {', '.join(missing)}; "
        "record them, or name the scope by vcd_scope in the --observe file"
    )


def _change(path: Path, line: int, text: str) -> tuple[str, int] | None:
    """Return the code and value of a change; None for anything else."""
    if not text or text[0] in "$r":
        return None
    try:
        if text[0] in "bB":
            digits, code = text[1:].split()
        else:
            digits, code = text[0], text[1:].strip()
        known = "".join("1" if digit == "1" else "0" for digit in digits)
        if not code or set(digits.lower()) - set("01xz"):
            raise ValueError
        return code, int(known, 2)
    except ValueError:
        raise ConfigError(f"{path}:{line}: {text!r} is no value change; record it again") from None
