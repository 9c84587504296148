"""``docs/calibration.md``: the errors of the whole project as one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import fill

from boards.power.coefficients import stated_uncertainties
from surrogates.additive import FITTED_BY

from .calibration import MEASURED, ErrorRow, Fit, Independent, fit_rows, method_rows
from .pairs import PairTable, read_pairs, timing_pairs
from .subspace import SUBSPACE, TARGET

__all__ = ["COMMAND", "render_calibration"]

COMMAND = "dse bench calibration"
_WIDTH = 100

_NAMES = {
    "lut": "LUT",
    "ff": "FF",
    "dsp": "DSP",
    "bram": "BRAM",
    "cell_area_um2": "cell area",
    "area_um2": "area",
    "clock_mhz": "clock",
    "power_mw": "power",
}


def render_calibration(
    independent: Independent | None = None, methods: Sequence[PairTable] | None = None
) -> str:
    """Return the page, from the data files as they are or from what is given."""
    table = Independent() if independent is None else independent
    found = [timing_pairs(), *read_pairs()] if methods is None else methods
    parts = [_opening(), _fit(fit_rows()), _unseen(table), _cycles(table)]
    parts += [_method(method) for method in found]
    return "\n\n".join([*parts, _stated()]) + "\n"


def _opening() -> str:
    return f"""# Calibration: how far the figures are off

This page is written by `{COMMAND}` from data files alone; each table names the
command that makes its file again. The same comparison for the designs of one search is in that
run's `report.html`.

An error is what was said over what was found, less one: above zero, too much was said. A figure is
compared with another only if that other is nearer to the hardware; no board and no chip was
measured for any of them. Where there is nothing to compare with, the stated uncertainty stands at
the end of the page."""


def _fit(rows: Sequence[Fit]) -> str:
    figures = [name for name in _NAMES if any(name in row.errors for row in rows)]
    body = [
        [
            row.family,
            row.group if row.current else f"{row.group} (outdated, refused)",
            str(row.designs),
            *(_share(row.errors[name]) if name in row.errors else "" for name in figures),
        ]
        for row in rows
    ]
    heads = ["family", "group", "designs", *(_NAMES[name] for name in figures)]
    return f"""## Predictor, on the designs that it was fitted to

Mean size of the error. Areas and clocks are predicted by kiln-additive
(`surrogates/additive.json`); areas are measured by Yosys, clocks measured by nextpnr where there is
an open router and estimated by static timing elsewhere. A group is dataflow, multiplier and operand
width. Fitted again by `{FITTED_BY} --family FAMILY`, clocks with `--clock`.

{_table(heads, body, numbers=2)}"""


def _unseen(table: Independent) -> str:
    power = list(table.rows(["power_mw"]))
    overlap = f"; {len(table.fitted)} more were fitted to and are left out" if table.fitted else ""
    return f"""## Predictor, on designs that it has not seen

Engines of at most sixteen multipliers, {TARGET}, 8 bits: {len(table.indices)} designs{overlap}.
Of the {len(SUBSPACE)} designs of the sub-space, {table.measured} are measured so far. Predicted by
kiln-additive, measured by Yosys (LUT, FF, DSP, BRAM) and by nextpnr after routing (clock, one seed
each). `python -m dse.benchmark.subspace` measures what is missing.

{_errors("designs", table.rows(MEASURED))}

Power is not measured by anyone: predicted by kiln-power from predicted counts, it is compared
with what is estimated by kiln-power from the measured design and its simulated activity, with the
same coefficients. Made again by `python -m dse.benchmark.subspace`.

{_errors("designs", power)}"""


def _cycles(table: Independent) -> str:
    return f"""## Cycles

Cycles of a tile are modelled in closed form and measured by Verilator on the generated Verilog. A
design whose two counts differ by one cycle is refused as a bug, in every search and in
`python -m dse.benchmark.subspace`, so that all {table.measured} designs of its table are exact.
The latency of a whole trace, memory included, is compared with co-simulation in
[system-model.md](system-model.md)."""


def _method(table: PairTable) -> str:
    note = f" {table.note}" if table.note else ""
    sides = f"Said: {table.said}. Found: {table.found}.{note} Measured again by `{table.command}`."
    return f"""## {table.title}

{fill(sides, _WIDTH, break_long_words=False, break_on_hyphens=False)}

{_errors("target", method_rows(table))}"""


def _stated() -> str:
    body = [
        [name, f"±{share:.0%}", " ".join(source.split())]
        for name, (share, source) in stated_uncertainties().items()
    ]
    return f"""## Not measured: power of FPGAs, energy of memories, time of the host

Power on FPGAs is estimated by kiln-power from coefficients of other parties; their uncertainty is
what the source allows, one sigma, and no board was measured to confirm it. The table is written by
`{COMMAND}` from `boards/power/`.

{_table(["coefficients", "uncertainty", "source"], body, numbers=1, last_number=1)}

Host time is modelled by kiln-system from rates per element that each target's file states
(`dse target show NAME`); no host was measured, and no uncertainty is stated."""


def _errors(group: str, rows: Iterable[ErrorRow]) -> str:
    heads = ["figure", group, "number", "mean", "mean size", "95 % below", "worst"]
    body = [
        [
            _NAMES.get(row.figure, row.figure.replace("_", " ")),
            row.group,
            str(row.designs),
            _share(row.mean, signed=True),
            _share(row.mean_absolute),
            _share(row.p95),
            _share(row.worst, signed=True),
        ]
        for row in rows
    ]
    return _table(heads, body, numbers=2)


def _share(value: float, signed: bool = False) -> str:
    if abs(value) < 5e-6:
        return "0"
    return f"{value:+.2%}" if signed else f"{value:.2%}"


def _table(
    heads: Sequence[str], body: Sequence[Sequence[str]], numbers: int, last_number: int = 99
) -> str:
    """Return a table whose columns `numbers` to `last_number` are set flush right."""
    right = range(numbers, last_number + 1)
    rule = ["---:" if index in right else "---" for index in range(len(heads))]
    return "\n".join(_lines([list(heads), rule, *body]))


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    return (f"| {' | '.join(row)} |" for row in rows)
