"""C++ of library cells, by their Liberty functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boards.liberty import Library
from boards.power.functions import translate_function
from hw.contracts import ConfigError

__all__ = ["READ", "Operations", "operations"]

READ = 0
"""Operation that reads a memory."""


@dataclass(frozen=True, slots=True)
class Operations:
    """What the program knows to do: C++, and the operation of each type of cell."""

    code: str
    numbers: dict[str, int]


def operations(library: Library) -> Operations:
    """Return the operations of all combinational cells, one for each different function.

    Types are those of `Gates`: ``type/Y`` where a cell has several outputs.
    """
    known: dict[tuple[str, int], int] = {}
    numbers: dict[str, int] = {}
    for cell in library.cells.values():
        if cell.sequential or not all(pin.function for pin in cell.outputs):
            continue
        names = {pin.name: f"v{at}" for at, pin in enumerate(cell.inputs)}
        for pin in cell.outputs:
            body = translate_function(pin.function, names)
            if not names:
                body = {"0": "V{}", "(~0)": "~V{}"}[body]
            kind = f"{cell.name}/{pin.name}" if len(cell.outputs) > 1 else cell.name
            numbers[kind] = known.setdefault((body, len(names)), len(known) + 1)
    if not numbers:
        raise ConfigError(f"{library.name} has no gates; give a complete standard-cell library")
    return Operations(_code(list(known)), numbers)


def _code(functions: Sequence[tuple[str, int]]) -> str:
    arities = ", ".join(str(count) for _, count in functions)
    runs, ones = [], []
    for at, (body, count) in enumerate(functions, start=1):
        loop = f"for (; c--; p += {count + 1})"
        runs.append(
            f"case {at}: {loop} {{ {_inputs(count, 'n[p[%d]]', 1)}n[p[0]] = {body}; }} break;"
        )
        ones.append(f"case {at}: {{ {_inputs(count, 'v[%d]', 0)}return {body}; }}")
    return "\n".join(
        [
            f"static const u32 ARITY[] = {{0, {arities}}};",
            "static void evaluate_run(const Run &r, V *n) {",
            "const u32 *p = r.nets.data(); u32 c = r.count;",
            "switch (r.op) {",
            *runs,
            "}",
            "}",
            "static inline V evaluate_one(u32 op, const V *v) {",
            "switch (op) {",
            *ones,
            "}",
            "return V{};",
            "}",
        ]
    )


def _inputs(count: int, where: str, first: int) -> str:
    if not count:
        return ""
    return f"const V {', '.join(f'v{at} = {where % (at + first)}' for at in range(count))}; "
