"""Verilog statements of a process: assignments, ``if`` chains and ``case``."""

from __future__ import annotations

from collections.abc import Iterator

from .expressions import Expressions
from .rtlil import Assign, Sig, Statement, Switch
from .signals import part, width_of

__all__ = ["Statements", "hold_free"]


class Statements:
    """Renders the statements that drive one wire.

    Parameters
    ----------
    expressions : Expressions
        Of the module.
    target : str
        Identifier of what is assigned.
    width : int
        Its width.
    operator : str
        ``=`` or ``<=``.
    """

    def __init__(self, expressions: Expressions, target: str, width: int, operator: str) -> None:
        self._expressions = expressions
        self._target = target
        self._width = width
        self._operator = operator

    def lines(self, body: list[Statement]) -> Iterator[str]:
        """Return the lines of `body`, indented relative to each other."""
        for statement in body:
            if isinstance(statement, Switch):
                yield from self._switch(statement)
            else:
                yield from self._assign(statement)

    def _assign(self, statement: Assign) -> Iterator[str]:
        low = statement.target[0].low
        if low >= self._width:
            return
        value = part(statement.value, 0, self._width - low)
        width = width_of(value)
        target = self._target
        if width < self._width:
            target += f"[{low + width - 1}:{low}]" if width > 1 else f"[{low}]"
        yield f"{target} {self._operator} {self._expressions.sig(value)};"

    def _switch(self, switch: Switch) -> Iterator[str]:
        if not width_of(switch.test):
            for _patterns, body in switch.cases[:1]:
                yield from self.lines(body)
        elif all(_is_one_bit(patterns) for patterns, _body in switch.cases if patterns):
            yield from self._chain(switch)
        else:
            yield from self._case(switch)

    def _chain(self, switch: Switch) -> Iterator[str]:
        """Write cases that look at one bit each as ``if``, ``else if``, ``else``."""
        keyword = "if"
        tested: set[tuple[int, str]] = set()
        for patterns, body in switch.cases:
            tests = set(_tests(patterns))
            opposite = {(bit, "10"[int(value)]) for bit, value in tests}
            if not patterns or opposite <= tested:
                yield from self._branch("else", body)
                return
            bit, value = tests.pop()
            condition = self._expressions.sig(part(switch.test, bit, 1), operand=value == "0")
            yield from self._branch(f"{keyword} ({'!' * (value == '0')}{condition})", body)
            tested.add((bit, value))
            keyword = "else if"

    def _branch(self, head: str, body: list[Statement]) -> Iterator[str]:
        lines = list(self.lines(body))
        if len(lines) == 1 and not lines[0].startswith("if"):  # whose is the next `else`?
            yield f"{head} {lines[0]}"
        else:
            yield f"{head} begin"
            yield from (f"  {line}" for line in lines)
            yield "end"

    def _case(self, switch: Switch) -> Iterator[str]:
        wild = any("-" in pattern for patterns, _body in switch.cases for pattern in patterns)
        yield f"{'casez' if wild else 'case'} ({self._expressions.sig(switch.test)})"
        width = width_of(switch.test)
        for patterns, body in switch.cases:
            label = ", ".join(_label(pattern, width) for pattern in patterns) or "default"
            yield from (f"  {line}" for line in self._branch(f"{label}:", body))
        if all(patterns for patterns, _body in switch.cases):
            yield "  default: ;"
        yield "endcase"


def _label(pattern: str, width: int) -> str:
    if "-" in pattern:
        return f"{width}'b{pattern.replace('-', '?')}"
    return f"{width}'d{int(pattern, 2)}"


def _tests(patterns: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Return the bits that patterns look at, each with the value it must have."""
    for pattern in patterns:
        for bit, value in enumerate(reversed(pattern)):
            if value != "-":
                yield bit, value


def _is_one_bit(patterns: tuple[str, ...]) -> bool:
    return len(patterns) == 1 and len(list(_tests(patterns))) == 1


def hold_free(body: list[Statement], register: Sig) -> list[Statement]:
    """Return `body` without a first statement by which a register keeps its value."""
    first = body[0]
    keeps = isinstance(first, Assign) and first.value == register
    return body[1:] if keeps else body
