"""Outcomes: what an engine saw of each fault, and the class that follows from it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLASSES",
    "CORRECTED",
    "DETECTED",
    "DORMANT",
    "FALSE_ALARM",
    "MASKED",
    "NEVER",
    "OUTCOME",
    "SDC",
    "UNDETECTED",
    "VIOLATION",
    "classify",
    "no_outcomes",
]

NEVER: Final = 0xFFFFFFFF
"""In place of a cycle: it did not happen."""

OUTCOME = np.dtype(
    [
        ("data", "<u4"),
        ("control", "<u4"),
        ("detected", "<u4"),
        ("corrected", "<u4"),
        ("beats", "<u4"),
        ("bits", "<u4"),
        ("largest", "<f4"),
        ("state", "u1"),
    ]
)
"""What became of one fault, against the run without it.

data : first cycle in which a data output was wrong while it counted (see `Observation`).
control : first cycle in which a control output was wrong.
detected, corrected : first cycle in which a detector, a corrector, fired that did not without the
    fault.
beats : in how many cycles data was wrong.
bits : wrong bits of data, all such cycles together.
largest : largest error of a data field, as a number.
state : 1 if a flip-flop or memory bit differs at the end.
"""

CLASSES: Final = (
    "masked", "dormant", "SDC", "detected", "corrected", "hang or protocol violation", "false alarm"
)  # fmt: skip
MASKED, DORMANT, SDC, DETECTED, CORRECTED, VIOLATION, FALSE_ALARM = range(len(CLASSES))
UNDETECTED: Final = (SDC, VIOLATION)


def no_outcomes(count: int) -> NDArray[np.void]:
    """Return outcomes of faults that nobody ever noticed."""
    found = np.zeros(count, dtype=OUTCOME)
    for name in ("data", "control", "detected", "corrected"):
        found[name] = NEVER
    return found


def classify(outcomes: NDArray[np.void], *, within: int | None = None) -> NDArray[np.uint8]:
    """Return the class of each outcome, an index of `CLASSES`.

    Wrong outputs are *detected* if a detector fires at all, or, with `within`, at most so many
    cycles after the first wrong output (a fault-tolerant time interval). Undetected, wrong data
    before any wrong control is *SDC*, else it is a *hang or protocol violation*. Right outputs with
    a corrector that fired are *corrected*; with only a detector that fired, a *false alarm*.
    """
    data, control = outcomes["data"], outcomes["control"]
    wrong = np.minimum(data, control)
    fired = outcomes["detected"]
    in_time = fired != NEVER
    if within is not None:
        in_time &= fired.astype(np.int64) <= wrong.astype(np.int64) + within
    conditions = [
        (wrong != NEVER) & in_time,
        (wrong != NEVER) & (data < control),
        wrong != NEVER,
        outcomes["corrected"] != NEVER,
        fired != NEVER,
        outcomes["state"] != 0,
    ]
    names = [DETECTED, SDC, VIOLATION, CORRECTED, FALSE_ALARM, DORMANT]
    return np.select(conditions, names, default=MASKED).astype(np.uint8)
