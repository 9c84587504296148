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
    cases = [
        f"case {at}: for (; c--; p += {count + 1}) {{ {_inputs(count)}n[p[0]] = {body}; }} break;"
        for at, (body, count) in enumerate(functions, start=1)
    ]
    return "\n".join(
        [
            f"static u32 arity(u32 op) {{ static const u32 known[] = {{0, {arities}}};",
            "return known[op]; }",
            "static void evaluate_run(const Run &r, V *n) {",
            "const u32 *p = r.nets.data(); u32 c = r.count;",
            "switch (r.op) {",
            *cases,
            "}",
            "}",
        ]
    )


def _inputs(count: int) -> str:
    if not count:
        return ""
    return f"const V {', '.join(f'v{at} = n[p[{at + 1}]]' for at in range(count))}; "
