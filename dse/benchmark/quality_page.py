"""``docs/quality.md``: the small model's perplexity in every format, under every accumulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hw.numerics import BlockScaled
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import OPERATORS, THIRDS
from sim.quality.perplexity import Measured
from sim.quality.quantise import ALL_FORMATS, Scaling, find_any
from sim.quality.table import Plan, Table

__all__ = ["COMMAND", "WINDOWS", "accumulator_plans", "all_plans", "format_plan", "render_quality"]

COMMAND = "python -m bench.perplexity"
WINDOWS = (32, 24, 16)
TOKENS = 4096
WINDOW_TOKENS = 4096
LONGEST = 512  # products of the small model's longest dot product

REGISTERS = {32: 22, 24: 14}
"""Windows that are left of whole registers: sign and carries of LONGEST are taken off."""
COUNTED = ("int8", "fp8_e4m3", "posit8", "bf16", "fp16", "posit16", "mx_int8", "mx_fp8_e4m3")

PROBED = "fp4_e2m1"
PROBE_TOKENS = 2048
SCALED = ("int4", "int8", "fp4_e2m1", "fp8_e4m3", "posit8")
SCALINGS = (
    Scaling(),
    Scaling(weights="tensor"),
    Scaling(kind="exact"),
    Scaling(kind="none"),
)
ROUNDED = ("int8", "fp8_e4m3", "posit8", "posit16", "mx_int8")
RESULTS = ("float32", "bf16")


def format_plan(format: str) -> Plan:
    """Return the row of one format everywhere, in a quire."""
    return Plan(assignment=format, tokens=TOKENS)


def accumulator_plans(format: str) -> list[Plan]:
    """Return quire and windows of one format; a window that loses nothing is no row of its own."""
    windows = [w for w in WINDOWS if not Arithmetic(format=format, window=w).is_exact(LONGEST)]
    texts = [format, *(f"{format}@{w}" for w in windows)]
    return [Plan(assignment=text, tokens=WINDOW_TOKENS) for text in texts]


def _register_plans(format: str) -> dict[int, Plan]:
    """Return the rows of whole registers that lose something."""
    windows = {
        bits: window
        for bits, window in REGISTERS.items()
        if not Arithmetic(format=format, window=window).is_exact(LONGEST)
    }
    return {
        bits: Plan(assignment=f"{format}@{window}", tokens=WINDOW_TOKENS)
        for bits, window in windows.items()
    }


def _operator_plans() -> dict[str, Plan]:
    names = [*OPERATORS, *(f"{op}.{third}" for op in OPERATORS[:-1] for third in THIRDS)]
    names += [",".join(f"{op}.{third}" for op in OPERATORS[:-1]) for third in THIRDS]
    return {
        name: Plan(
            assignment=",".join(["float64", *(f"{n}={PROBED}" for n in name.split(","))]),
            tokens=PROBE_TOKENS,
        )
        for name in names
    }


def _scaling_plans(format: str) -> list[Plan]:
    return [Plan(assignment=format, tokens=TOKENS, scaling=scaling) for scaling in SCALINGS]


def _result_plans(format: str) -> list[Plan]:
    return [Plan(assignment=format, tokens=TOKENS, result=result) for result in RESULTS]


def all_plans() -> list[Plan]:
    """Return all rows of the page, the most wanted first."""
    rows = [format_plan(name) for name in ALL_FORMATS]
    rows += [plan for name in ALL_FORMATS for plan in accumulator_plans(name)]
    rows += [plan for name in COUNTED for plan in _register_plans(name).values()]
    rows += _operator_plans().values()
    rows += [plan for name in SCALED for plan in _scaling_plans(name)]
    rows += [plan for name in ROUNDED for plan in _result_plans(name)]
    longest: dict[str, Plan] = {}
    for plan in rows:
        if plan.key not in longest or plan.tokens > longest[plan.key].tokens:
            longest[plan.key] = plan
    return list(longest.values())


def render_quality(table: Table) -> str:
    """Return the page from what is measured; what is not yet, is said to be missing."""
    parts = [
        _opening(table),
        _formats(table),
        _accumulators(table),
        _registers(table),
        _operators(table),
        _scalings(table),
        _results(table),
    ]
    return "\n\n".join(parts) + "\n"


def _opening(table: Table) -> str:
    found = table.find(format_plan(ALL_FORMATS[0]))
    base = f"\n\nIn float64: perplexity {found.reference_perplexity:.3f}." if found else ""
    stale = "" if table.is_current else "\n\n**The table is of other weights or another text.**"
    return f"""# Numerical quality of formats and accumulators

Written by `{COMMAND}`, which measures what is missing first; `dse bench quality`
writes it from what is measured. Every figure is measured on the small model in `sim/quality/small`,
a GPT-2 of 1.35 million parameters ([how it was made](../sim/quality/small/README.md)), on text that
it was not trained on. It is a *stand-in*: for another model it says which formats are in question,
not what they will cost. `dse quality --weights FILE --text FILE` measures a real GPT-2.

All matrix products, attention and LM head included, are computed bit for bit as `hw/mac` computes
them: operands rounded into the format, products exact, sums in the accumulator, one rounding at the
end (to float32, if nothing else is said). Norms, softmax, GELU, biases and residuals are float64.
Scales are powers of two, one for each output channel of the weights and one for each activation
tensor, fixed beforehand on other text (`sim/quality/quantise.py`); `mx_*` formats scale blocks of
32 by the OCP rule instead. Increases are over float64 on the same tokens; after ± stands one
standard error, from the differences block by block (64 tokens). Perplexity is per token of the
model's own 1,024.{base}{stale}"""


def _formats(table: Table) -> str:
    rows = []
    for name in ALL_FORMATS:
        format = find_any(name)
        bits = format.bits_per_element if isinstance(format, BlockScaled) else format.bits
        found = table.find(format_plan(name))
        rows.append([name, f"{bits:g}", *_cells(found)])
    return f"""## Every format, in a quire

One format everywhere, {TOKENS:,} tokens. Bits are those of a stored number, its share of a block's
scale included.

{_table(["format", "bits", "perplexity", "increase"], rows)}"""


def _accumulators(table: Table) -> str:
    heads = ["format", "quire", *(f"{width} bits" for width in WINDOWS)]
    rows = []
    for name in ALL_FORMATS:
        quire, *bounded = accumulator_plans(name)
        base = table.find(quire)
        measured = {plan.assignment: table.find(plan) for plan in bounded}
        row = [name, f"{base.perplexity:.3f}" if base else "missing"]
        for width in WINDOWS:
            text = f"{name}@{width}"
            row.append(_over(measured[text], base) if text in measured else "exact")
        rows.append(row)
    carries = 1 + (LONGEST - 1).bit_length()
    widths = ", ".join(f"{width + carries}" for width in WINDOWS)
    return f"""## Quire against bounded accumulators

Perplexity on {WINDOW_TOKENS:,} tokens, one format everywhere; under each accumulator with its
change against the quire on the same tokens. A bounded accumulator of so many bits keeps a window of
that width that moves in steps of 8 bits to where the largest product so far wants it; what lies
below is cut off, product by product (the rule is `hw/mac/golden.py`'s, on a fixed 16-bit port).
Sign and carries of the longest dot product, {LONGEST} here, come on top: registers have {widths}
bits. "Exact" formats fit the window whole and compute what the quire does. `hw/mac` has no
block-scaled mode: for `mx_*` its rule is applied to the scales that `hw.numerics.BlockDecoder`
gives to elements.

{_table(heads, rows)}"""


def _registers(table: Table) -> str:
    rows = []
    for name in COUNTED:
        base, plans = table.find(accumulator_plans(name)[0]), _register_plans(name)
        cells = [_over(table.find(plans[b]), base) if b in plans else "exact" for b in REGISTERS]
        rows.append([name, *cells])
    carries = 1 + (LONGEST - 1).bit_length()
    heads = ["format", *(f"{bits} bits (window {w})" for bits, w in REGISTERS.items())]
    return f"""### Counted as whole registers

The same, where sign and carries ({carries} bits) are taken off the register instead of put on top
of the window. Of 16 bits that would leave {16 - carries}; `hw/mac` builds windows of 12 or more.

{_table(heads, rows)}"""


def _operators(table: Table) -> str:
    plans = _operator_plans()

    def cell(name: str) -> str:
        found = table.find(plans[name]) if name in plans else None
        return _increase(found) if found else ("missing" if name in plans else "")

    rows = [[op, cell(op), *(cell(f"{op}.{third}") for third in THIRDS)] for op in OPERATORS]
    whole = (cell(",".join(f"{op}.{third}" for op in OPERATORS[:-1])) for third in THIRDS)
    rows.append(["all but lm_head", "", *whole])
    heads = ["operator", "all layers", *(f"{third} third" for third in THIRDS)]
    return f"""## Which operators bear four bits

Increase of perplexity, {PROBE_TOKENS:,} tokens, where {PROBED} is used for one operator class, in
all layers or in a third of them, and everything else is float64.

{_table(heads, rows)}"""


def _scalings(table: Table) -> str:
    heads = ["format", *(f"{_KINDS[s.kind]}, {s.weights}" for s in SCALINGS[:-1]), "no scales"]
    rows = [
        [name, *(_increase(table.find(plan)) for plan in _scaling_plans(name))] for name in SCALED
    ]
    return f"""## Scales

Increase of perplexity, {TOKENS:,} tokens, quire: powers of two or exact scales (largest magnitude
to largest value, where posits are least precise), one for each output channel of the weights or
one for the tensor.

{_table(heads, rows)}"""


def _results(table: Table) -> str:
    rows = [
        [name, *(_increase(table.find(plan)) for plan in _result_plans(name))] for name in ROUNDED
    ]
    return f"""## What sums are rounded into

Increase of perplexity, {TOKENS:,} tokens, quire, by the format of the results. Sums are rounded as
the multiply-accumulate unit has them, before scales are taken out; what is too large saturates.

{_table(["operands", *RESULTS], rows)}"""


_KINDS = {"pow2": "power of two", "exact": "exact"}


def _cells(found: Measured | None) -> list[str]:
    if found is None:
        return ["missing", ""]
    return [_perplexity(found), _increase(found)]


def _over(found: Measured | None, base: Measured | None) -> str:
    if found is None or base is None:
        return "missing"
    against = Measured(losses=found.losses, reference=base.losses, tokens=found.tokens)
    return f"{_perplexity(found)} ({_increase(against)})"


def _perplexity(found: Measured) -> str:
    value = found.perplexity
    return f"{value:.3f}" if value < 1000 else f"{value:.3g}"


def _increase(found: Measured | None) -> str:
    if found is None:
        return "missing"
    value, error = found.increase, found.increase_error
    if value > 10:
        return f"x {1 + value:.3g}"
    if abs(value) < 5e-6 and error < 5e-6:
        return "0"
    places = 1 if abs(value) > 0.1 else 2 if abs(value) > 1e-3 else 3
    return f"{value:+.{places}%} ± {error:.{places}%}"


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(_lines([list(heads), rule, *body]))


def _lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    return (f"| {' | '.join(row)} |" for row in rows)
