"""The worked example of ``docs/formats.md``: GPT-2 on units of 1, 2 or 4 lanes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dse.workloads import Workload, builtin_model
from hw.numerics import find_format
from sim.quality.corpus import SMALL, read_split
from sim.quality.model import load_gpt2
from sim.quality.perplexity import QualityBench
from sim.quality.tokenizer import Tokenizer

from .choose import Choice, Reader, choose
from .costs import Costs
from .groups import split_operators
from .readings import KEPT, TOKENS, MissingReadingError
from .sensitivities import Sensitivities

__all__ = [
    "LIMITS",
    "MODEL",
    "SETS",
    "UNSEEN",
    "Searched",
    "lane_costs",
    "lanes",
    "run_example",
    "unseen_bench",
]

UNSEEN = KEPT.with_name("unseen.json")
"""Readings of what was found, on text that it was not chosen by."""

MODEL = "gpt2"
LIMITS = (0.01, 0.02, 0.05)
SETS: dict[str, tuple[str, ...]] = {
    "all": (),
    "fp4_e2m1, posit4, posit8, posit16": ("fp4_e2m1", "posit4", "posit8", "posit16"),
    "fp4_e2m1, fp8_e4m3": ("fp4_e2m1", "fp8_e4m3"),
    "int4, int8, int16": ("int4", "int8", "int16"),
    "fp4_e2m1, posit8": ("fp4_e2m1", "posit8"),
}
"""Formats of a unit, by what the page calls them; none are all that were measured.

Posits and FP4 are those of a published unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One search of the example.

    Members
    -------
    name : str
        One of `SETS`.
    limit : float
        Perplexity over float64's, less one.
    choice : Choice
        What was found.
    """

    name: str
    limit: float
    choice: Choice


def lanes(format: str) -> int:
    """Return the operands of a format that a word of 16 bits has, in slots of 16, 8 or 4 bits."""
    bits = find_format(format).bits
    return 4 if bits <= 4 else 2 if bits <= 8 else 1


def lane_costs(formats: Sequence[str], workload: str = MODEL) -> Costs:
    """Return each group's share of the cycles, were all its operands 16 bits wide.

    One processing element takes 1, 2 or 4 products a cycle; nothing else costs anything.
    """
    model = builtin_model(workload)
    parts = split_operators(Workload(model=model).trace().operators, model)
    macs = np.array([sum(op.macs * op.count for op in ops) for ops in parts.values()], float)
    speeds = np.array([lanes(name) for name in formats], float)
    table = (macs / macs.sum())[:, None] / speeds
    return Costs(groups=tuple(parts), formats=tuple(formats), objectives={"cycles": table})


def run_example(
    reader: Reader, sensitivities: Sensitivities, say: Callable[[str], None] = lambda message: None
) -> Iterator[Searched]:
    """Search every set at every limit; what a reader that takes no readings lacks is left out."""
    for name, formats in SETS.items():
        if not set(formats) <= set(sensitivities.formats):
            continue
        costs = lane_costs(formats or sensitivities.formats)
        for limit in LIMITS:
            say(f"searching {name} within {limit:.0%}")
            with contextlib.suppress(MissingReadingError):
                choice = choose(reader, costs, limit, sensitivities, say=say)
                yield Searched(name=name, limit=limit, choice=choice)


def unseen_bench() -> QualityBench:
    """Return the small model on what `Meter.small` leaves of its held-out text."""
    tokenizer = Tokenizer.read(SMALL)
    tokens, calibration = (tokenizer.encode(read_split(name)) for name in ("test", "validation"))
    seen = sum(len(window) for window in QualityBench.small(limit=TOKENS).windows)
    model = load_gpt2(SMALL / "model.safetensors")
    return QualityBench(model, tokens[seen:], calibration, limit=len(tokens))
