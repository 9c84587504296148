"""``docs/formats.md``: how formats are searched, what groups lose in them, and an example."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from sim.quality.assignment import Assignment

from .choose import Candidate
from .example import LIMITS, SETS, Searched, lane_costs
from .groups import GROUPS
from .options import HARDWARE_FORMATS
from .readings import COMMAND, TOKENS, Meter, MissingReadingError, Reading
from .sensitivities import WIDE_WINDOW, Sensitivities

__all__ = ["box_share", "render_formats"]

TABLES = {
    "4 bits": ("int4", "fp4_e2m1", "posit4", "posit4_es2"),
    "5 and 6 bits": ("int5", "int6", "fp6_e2m3", "fp6_e3m2"),
    "8 bits": ("int8", "fp8_e4m3", "fp8_e5m2", "posit8", "posit8_es2"),
    "12 and 16 bits": ("int12", "int16", "bf16", "fp16", "posit16", "posit16_es2"),
}
CONFIRMED = ("all", "fp4_e2m1, posit8")  # sets whose finds are measured on other text as well
USUAL = 0.02
CORNER = (1.0, 0.05)  # of the hypervolume: cost of 16 bits everywhere, growth of perplexity


def render_formats(
    table: Sensitivities, meter: Meter, unseen: Meter, found: Sequence[Searched]
) -> str:
    """Return the page; what a meter that takes no readings lacks is said to be missing.

    Parameters
    ----------
    table : Sensitivities
        Of all formats, in a quire.
    meter : Meter
        Reads formats by themselves.
    unseen : Meter
        Reads what was found, on text that nothing was chosen by.
    found : sequence of Searched
        The example.
    """
    parts = [_HOW, _sensitivities(table, meter), _example(found), _unseen(found, unseen)]
    return "\n\n".join([*parts, _gain(found)]) + "\n"


_HOW = f"""# Formats, layer by layer

Written by `{COMMAND}`, which measures what is missing first. A unit that computes in several
formats (`hw/mac`) can give each operator the narrowest that the model bears. `dse/precision` finds
that assignment: for each *group*, an operator class in the first, middle or last third of the
layers (the LM head is one group), one of the unit's formats, so that latency, energy or area is
least and perplexity grows by no more than a limit. Thirds carry over between depths: 6 layers here,
12 in GPT-2.

**All figures on this page are a stand-in.** They are measured on the small model in
`sim/quality/small` ([quality.md](quality.md)), whose layers are 128 wide; costs are of GPT-2's
shapes. Which groups bear few bits is a hint for another model, what they cost is not. With weights
and a text of the user's, the same search measures that model (`Meter.of_files`): the small model's
table only says what to try first.

## How it works

1. **What a group loses** in a format is measured with that group in that format and everything else
   in float64, {TOKENS:,} tokens. Two figures are kept: the *loss*, by how much the mean of -ln p of
   the text's tokens rises, which is the logarithm of the growth of perplexity; and the
   *divergence* (Kullback-Leibler) of the next token's probabilities from those of float64. Were the
   text drawn from the model, both would be the same in expectation; but the loss has the luck of
   the draw in it. Choices are made by the divergence.
2. **Divergences are added** over the groups. Which choice of formats is cheapest under a limit of
   the sum is a multiple-choice knapsack. It is solved exactly, for all limits at once, by adding
   group after group and dropping what is dominated: milliseconds.
3. **What is proposed is measured**, with all groups in their formats together. Its loss over its
   sum corrects the next proposal, until no cheaper one is believed to keep the limit. Only what was
   measured to keep it is ever returned: its loss *and* its divergence have to, so that none passes
   by luck (`strict=False` asks for the loss alone).

Readings are kept: those of the small model in `dse/precision/readings.json`, with digests of its
weights and texts; others in the cache (`$KILN_CACHE`). Block-scaled formats (MX) are left out, as
no unit computes in them."""


def _sensitivities(table: Sensitivities, meter: Meter) -> str:
    measured = {
        title: [name for name in formats if name in table.formats]
        for title, formats in TABLES.items()
    }
    blocks = [_block(table, meter, *pair) for pair in measured.items() if pair[1]]
    missing = [name for name in HARDWARE_FORMATS if name not in table.formats]
    if missing:
        blocks.append(f"Not measured in every group yet: {', '.join(missing)}.")
    return f"""## What each group loses

Divergence as growth of perplexity, one group in the format and all else in float64, quire,
{TOKENS:,} tokens. Standard errors are in `readings.json`: with 4 bits, {_error(table):.0%} of the
value in the median of the groups, where that of the loss is {_error(table, "loss"):.0%} of its own.
*Sum* adds the groups up; *everywhere* is measured with the format in all groups at once; *loss* is
what perplexity on the text grows by then.

{_JOINT.join(blocks)}

Windows of {WIDE_WINDOW} bits and more lose next to nothing ([quality.md](quality.md)): their
sensitivities are taken to be the quire's, and what is proposed is measured with the window."""


_JOINT = "\n\n"


def _error(table: Sensitivities, figure: str = "divergence") -> float:
    """Return the median of the groups' standard errors as shares of the values, with 4 bits."""
    columns = [table.formats.index(name) for name in TABLES["4 bits"] if name in table.formats]
    values = np.abs(getattr(table, figure)[:, columns])
    return float(np.median(getattr(table, f"{figure}_error")[:, columns] / values))


def _block(table: Sensitivities, meter: Meter, title: str, formats: Sequence[str]) -> str:
    values = table.of(GROUPS, formats)
    rows = [
        [group.name, *(_growth(value) for value in row)]
        for group, row in zip(GROUPS, values.tolist(), strict=True)
    ]
    whole = [_reading(meter, Assignment(default=meter.arithmetic(name))) for name in formats]
    rows.append(["*sum*", *(_growth(value) for value in values.sum(axis=0).tolist())])
    rows.append(["*everywhere*", *(_growth(one.divergence) if one else "missing" for one in whole)])
    rows.append(["*loss*", *(_loss(one) if one else "missing" for one in whole)])
    return _table([title, *formats], rows)


def _reading(meter: Meter, assignment: Assignment) -> Reading | None:
    try:
        return meter.read(assignment)
    except MissingReadingError:
        return None


def _example(found: Sequence[Searched]) -> str:
    shares = lane_costs(("bf16",)).total[:, 0].tolist()
    by_class: dict[str, float] = {}
    for group, share in zip(lane_costs(("bf16",)).groups, shares, strict=True):
        by_class[group.operator] = by_class.get(group.operator, 0.0) + share
    work = ", ".join(f"{name} {share:.1%}" for name, share in by_class.items())
    heads = ["formats of the unit", "limit", "uniform", "cost", "mixture's cost", "saved"]
    heads += ["loss", "divergence", "mixtures measured"]
    return f"""## Example: GPT-2 on a unit of 1, 2 or 4 lanes

A stated toy cost, to see what quality allows: a processing element takes one product of 16-bit
operands a cycle, two of up to 8 bits, four of up to 4 bits; nothing else costs anything. Cost is in
cycles over those of 16 bits everywhere. The workload is GPT-2's, prompt 128, 64 generated, with its
multiply-accumulates in {work}.
*Uniform* is the cheapest format that keeps the limit if used everywhere (of equally cheap ones, the
one that loses least), and *saved* is what the mixture saves of its cost.

{_table(heads, [_row(one) for one in found])}{_unfinished(found)}

The mixtures, by unit and limit:

{_assignments(found)}

{_additivity(found)}"""


def _unfinished(found: Sequence[Searched]) -> str:
    done = {(one.name, one.limit) for one in found}
    left = [(name, limit) for name in SETS for limit in LIMITS if (name, limit) not in done]
    if not left:
        return ""
    names = "; ".join(f"{name} within {limit:.0%}" for name, limit in left)
    return f"\n\nNot measured to the end yet: {names}."


def _row(one: Searched) -> list[str]:
    best, uniform = one.choice.best, one.choice.best_uniform
    return [
        one.name,
        f"{one.limit:.0%}",
        "none" if uniform is None else uniform.formats[0],
        "" if uniform is None else f"{uniform.cost:.3f}",
        f"{best.cost:.3f}",
        "" if one.choice.gain is None else f"{one.choice.gain:.1%}",
        _loss(best.reading),
        _growth(best.reading.divergence),
        str(sum(not other.is_uniform for other in one.choice.measured)),
    ]


def _assignments(found: Sequence[Searched]) -> str:
    return "\n".join(
        f"- {one.name}, {one.limit:.0%}: `{one.choice.best.assignment.text}`" for one in found
    )


def _mixtures(found: Sequence[Searched]) -> list[Candidate]:
    """Return all mixtures that were measured, each once."""
    every = (one for search in found for one in search.choice.measured if not one.is_uniform)
    return list({one.assignment.text: one for one in every}.values())


def _additivity(found: Sequence[Searched]) -> str:
    mixtures = _mixtures(found)
    if not mixtures:
        return ""
    ratios = [one.reading.divergence / one.predicted for one in mixtures]
    low, middle, high = (float(value) for value in np.quantile(ratios, (0, 0.5, 1)))
    return (
        f"Of the {len(mixtures)} mixtures that were measured, the divergence is {low:.2f} to "
        f"{high:.2f} times the\nsum of the groups' (median {middle:.2f})."
    )


def _unseen(found: Sequence[Searched], unseen: Meter) -> str:
    rows = []
    for one in found:
        if one.name in CONFIRMED:
            best = one.choice.best
            reading = _reading(unseen, best.assignment)
            rows.append(
                [
                    one.name,
                    f"{one.limit:.0%}",
                    _loss(best.reading),
                    _loss(reading) if reading else "missing",
                    _growth(best.reading.divergence),
                    _growth(reading.divergence) if reading else "missing",
                ]
            )
    heads = ["formats of the unit", "limit", "loss", "unseen", "divergence", "unseen"]
    tokens = unseen.bench.identity["tokens"]
    return f"""### On other text

What is chosen by measuring is flattered by the text that it was chosen on. The same assignments on
the {tokens:,} tokens of the held-out text that nothing was chosen by:

{_table(heads, rows)}"""


def box_share(points: Iterable[tuple[float, float]], corner: tuple[float, float]) -> float:
    """Return the share of the box below `corner` that points of cost and loss dominate."""
    area, least = 0.0, corner[1]
    for cost, loss in sorted(points):
        if cost < corner[0] and loss < least:
            area += (corner[0] - cost) * (least - max(loss, 0.0))
            least = max(loss, 0.0)
    return area / (corner[0] * corner[1])


def _gain(found: Sequence[Searched]) -> str:
    rows = []
    for name in SETS:
        every = [one for search in found if search.name == name for one in search.choice.measured]
        if not every:
            continue
        uniform = box_share(_points(one for one in every if one.is_uniform), CORNER)
        mixed = box_share(_points(every), CORNER)
        gain = f"{mixed / uniform - 1:+.1%}" if uniform else "from none"
        rows.append([name, f"{uniform:.1%}", f"{mixed:.1%}", gain])
    heads = ["formats of the unit", "uniform", "with mixtures", "gain"]
    return f"""## What mixtures add to the front

Hypervolume in cost and loss (the larger of loss and divergence), as a share of the box up to the
cost of 16 bits everywhere and a growth of perplexity by {CORNER[1]:.0%}. Of the mixtures, those
count that the searches above measured.

{_table(heads, rows)}

{_finding(found)}"""


def _finding(found: Sequence[Searched]) -> str:
    gains = [one.choice.gain for one in found if one.limit == USUAL and one.choice.gain is not None]
    if not gains:
        return "Nothing was searched yet."
    return f"""Within {USUAL:.0%}, mixtures save {min(gains):.0%} to {max(gains):.0%} of the best
uniform format's cycles. The room is there because formats come in steps: 8 bits everywhere leave
most of the limit unused, 4 bits everywhere overrun it by far. What fills it are the middle and last
thirds of the FFN and of the attention's output, two fifths of the work, which lose little. The
first third, the products with attention weights (av) and the LM head keep 8 bits; with integers,
the first third's av even wants 16. Within 1 % there is room for less, least for a mixture with
E4M3, which takes most of that by itself.

What the toy cost leaves out: a unit of several formats is larger than one of a single format
([mac.md](mac.md)), weights have to be read from memory, and what is not a matrix product takes its
time. Gains of whole designs are smaller, and belong to the search that measures them."""


def _points(candidates: Iterable[Candidate]) -> list[tuple[float, float]]:
    return [(one.cost, math.expm1(min(one.reading.worse, 700.0))) for one in candidates]


def _loss(reading: Reading) -> str:
    error = "" if math.isnan(reading.increase_error) else f" ± {reading.increase_error:.2%}"
    return f"{reading.increase:+.2%}{error}"


def _growth(nats: float) -> str:
    """Return a divergence as growth of perplexity, to two or three digits."""
    value = math.expm1(min(nats, 700.0))
    if value >= 10:
        return f"x {1 + value:.3g}"
    if value < 5e-6:
        return "0"
    places = 0 if value >= 0.1 else 1 if value >= 0.01 else 2 if value >= 0.001 else 3
    return f"{value:.{places}%}"


def _table(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, rule, *body])
