"""Campaigns resampled from an exhaustive truth: intervals' coverage and width.

Run ``python -m bench.fault_statistics``. The truth, ``bench/fault_truth.npz``, is the class of each
single-event upset of every flip-flop of an 8×8 int8 output-stationary matrix engine in 62 cycles of
one job (7,764 × 62 = 481,368 pairs in 89 structures), as the lanes engine found it. Each campaign
goes through the plan's own interface: it is asked for pairs until it wants no more, and then for
its estimate.

*Ideal* is the normal interval that somebody could give who knew the true shares: twice the quantile
times the true standard deviation of the estimate, the finite population corrected for, of a simple
sample of the same size (sampled), of a sample of the same size that Neyman's rule spreads by the
true shares (stratified), of a simple sample of the size at which the campaign stopped (sequential).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.faults.outcome import UNDETECTED, VIOLATION
from sim.faults.sites import FLOP
from sim.faults.statistics import (
    Frame,
    Plan,
    Sampled,
    Sequential,
    Stratified,
    Stratum,
    neyman,
)
from sim.faults.statistics.intervals import quantile

__all__ = ["Coverage", "Truth", "cases", "measure", "read_truth"]

CAMPAIGNS = 10_000
LEAST_COVERAGE = 0.945
MOST_WIDTH = 1.15
TRUTH = Path(__file__).with_name("fault_truth.npz")


@dataclass(frozen=True, eq=False)
class Truth:
    """The class of every pair of a frame."""

    frame: Frame
    classes: NDArray[np.uint8]

    def shares(self, of: Collection[int]) -> NDArray[np.float64]:
        """Return the share of each stratum's pairs that end in one of `of`."""
        hits = np.isin(self.classes, list(of))
        strata = self.frame.stratum_of(np.arange(self.frame.size))
        return np.bincount(strata, weights=hits, minlength=len(self.frame.strata)) / (
            self.frame.sizes
        )

    def share(self, of: Collection[int]) -> float:
        return float(np.isin(self.classes, list(of)).mean())


def read_truth(path: Path = TRUTH, *, by: Callable[[str], str] = str) -> Truth:
    """Return the stored truth; `by` names the stratum of a structure."""
    with np.load(path) as stored:
        names = [by(tag) for tag in stored["tags"].tolist()]
        order = {name: at for at, name in enumerate(dict.fromkeys(names))}
        of_tag = np.array([order[name] for name in names], dtype=np.int32)
        of_site = np.repeat(of_tag[stored["of_word"]], stored["bits"])
        counts = np.bincount(of_site).tolist()
        strata = tuple(Stratum(n, FLOP, c) for n, c in zip(order, counts, strict=True))
        return Truth(Frame(strata, of_site, range(*stored["cycles"].tolist())), stored["classes"])


def kind_of(tag: str) -> str:
    """Return a coarser structure: all processing elements of one row together, and so on."""
    parts = tag.removeprefix("core.").split(".")
    return ".".join(parts[:2]) if parts[0] == "array" else parts[0]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What campaigns of one kind came to.

    Members
    -------
    name : str
        The kind, and what was estimated.
    covered : float
        Share of the intervals that hold the truth.
    width, ideal : float
        Mean of the intervals' widths, and of the ideal ones'.
    sample : float
        Mean number of injections.
    """

    name: str
    covered: float
    width: float
    ideal: float
    sample: float

    @property
    def ratio(self) -> float:
        return self.width / self.ideal


@dataclass(frozen=True)
class Case:
    """A plan by its seed, what its ideal is, what is estimated, and whether its width is judged."""

    name: str
    truth: Truth
    make: Callable[[int], Plan]
    ideal: Callable[[Truth, Collection[int], int], float]
    of: tuple[int, ...] = UNDETECTED
    width_judged: bool = True


def simple_ideal(truth: Truth, of: Collection[int], sample: int) -> float:
    """Return the width for a simple sample by somebody who knows the share."""
    p, N = truth.share(of), truth.frame.size
    return 2 * quantile(0.95) * float(np.sqrt(p * (1 - p) / sample * (N - sample) / (N - 1)))


def stratified_ideal(truth: Truth, of: Collection[int], sample: int) -> float:
    """Return the width for Neyman's allocation by somebody who knows the strata's shares."""
    p, N = truth.shares(of), truth.frame.sizes
    spread = np.sqrt(p * (1 - p) * N / np.maximum(N - 1, 1))
    least = np.minimum(2, N)
    n = neyman(N.astype(np.float64), spread, least, N, sample)
    variance = (N / N.sum()) ** 2 * spread**2 / n * (N - n) / N
    return 2 * quantile(0.95) * float(np.sqrt(variance.sum()))


def cases() -> list[Case]:
    """Return the campaigns: coarse structures are 16, fine ones 89; violations are rare."""
    fine, coarse = read_truth(), read_truth(by=kind_of)
    rare = (VIOLATION,)
    return [
        *(_sampled(coarse, n) for n in (1000, 3000, 14_703)),
        _sampled(coarse, 14_703, rare),
        *(_stratified(t, n) for t, n in ((coarse, 3000), (fine, 3000), (fine, 14_703))),
        _stratified(coarse, 14_703, rare),
        *(_sequential(coarse, margin) for margin in (0.02, 0.01)),
        _sequential(coarse, 0.001, rare),
    ]


def _sampled(truth: Truth, sample: int, of: tuple[int, ...] = UNDETECTED) -> Case:
    def make(seed: int) -> Plan:
        return Sampled(frame=truth.frame, sample=sample, seed=seed, of=of)

    return Case(f"sampled, {sample:,}{_of(of)}", truth, make, simple_ideal, of)


def _stratified(truth: Truth, sample: int, of: tuple[int, ...] = UNDETECTED) -> Case:
    def make(seed: int) -> Plan:
        return Stratified(frame=truth.frame, sample=sample, seed=seed, of=of)

    name = f"stratified, {sample:,} in {len(truth.frame.strata)} structures{_of(of)}"
    # Who knows that most structures have no violation need not inject there: no pilot tells that.
    return Case(name, truth, make, stratified_ideal, of, width_judged=of == UNDETECTED)


def _sequential(truth: Truth, margin: float, of: tuple[int, ...] = UNDETECTED) -> Case:
    def make(seed: int) -> Plan:
        return Sequential(frame=truth.frame, margin=margin, seed=seed, of=of)

    return Case(f"sequential, ±{margin:.1%}{_of(of)}", truth, make, simple_ideal, of)


def _of(of: tuple[int, ...]) -> str:
    return "" if of == UNDETECTED else ", violations"


def measure(case: Case, campaigns: int, *, first: int = 0) -> Coverage:
    """Run campaigns with seeds from `first` on."""
    share = case.truth.share(case.of)
    covered, widths, ideals, sizes = 0, 0.0, 0.0, 0
    known: dict[int, float] = {}
    for seed in range(first, first + campaigns):
        plan = case.make(seed)
        classes = np.zeros(0, np.uint8)
        while (numbers := plan.next(classes)) is not None:
            classes = np.append(classes, case.truth.classes[numbers])
        found = plan.estimate(classes, of=case.of)
        n = len(classes)
        if n not in known:
            known[n] = case.ideal(case.truth, case.of, n)
        covered += found.low <= share <= found.high
        widths, ideals, sizes = widths + found.width, ideals + known[n], sizes + n
    return Coverage(
        case.name,
        covered / campaigns,
        widths / campaigns,
        ideals / campaigns,
        sizes / campaigns,
    )


def is_met(case: Case, found: Coverage) -> bool:
    """Return whether coverage, and width where it is judged, are as promised."""
    narrow = found.ratio <= MOST_WIDTH or not case.width_judged
    return found.covered >= LEAST_COVERAGE and narrow


def line(case: Case, found: Coverage) -> str:
    """Return the figures of one kind, and whether they pass."""
    note = "" if case.width_judged else " (width not judged)"
    return (
        f"{'pass' if is_met(case, found) else 'FAIL'}  {found.name:42s} covers "
        f"{found.covered:7.2%}  mean width {found.width:.5f}, ideal {found.ideal:.5f}, ratio "
        f"{found.ratio:.3f}{note}  mean injections {found.sample:,.0f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS)
    parser.add_argument("--only", default="", help="kinds whose names hold this")
    options = parser.parse_args(arguments)
    failed = 0
    for case in cases():
        if options.only in case.name:
            found = measure(case, options.campaigns)
            failed |= not is_met(case, found)
            print(line(case, found), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
