"""Running a campaign: batches from its plan, parts side by side, each kept when it is done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.pool import Pool

from ..experiment import Engine
from ..model import FaultModel
from ..outcome import OUTCOME, classify
from ..sites import Sites
from ..statistics import Plan
from .store import Store

__all__ = ["Campaign", "CampaignResult", "Progress", "run_campaign"]

PART = 1 << 18
"""Faults of a part, at most; fewer where there are several workers."""
_SMALL = 1 << 12

Progress = Callable[[int, int], None]
"""Called with the faults done and the faults that are certain to be done in all."""


@dataclass(frozen=True, eq=False)
class Campaign:
    """What is injected, apart from the engine.

    Members
    -------
    sites : Sites
        Of the plan's frame.
    plan : Plan
        Which pairs of site and cycle.
    model : FaultModel
        What happens there.
    identity : dict of str to object
        What the outcomes depend on: digests of design and stimulus, engine, observation.
    within : int, optional
        Cycles after the first wrong output in which a detector must fire; any, if left out.
    """

    sites: Sites
    plan: Plan
    model: FaultModel
    identity: dict[str, object] = field(default_factory=dict)
    within: int | None = None

    def faults(self, numbers: NDArray[np.int64]) -> NDArray[np.void]:
        """Return the `FAULT` of each pair number of the frame."""
        sites, cycles = self.plan.frame.pairs(numbers)
        return self.model.faults(self.sites, sites, cycles, seed=self.plan.seed)

    def described(self) -> dict[str, object]:
        """Return what must agree for outcomes to be of this campaign."""
        frame = self.plan.frame
        return {
            **self.identity,
            "plan": self.plan.describe(),
            "seed": self.plan.seed,
            "model": repr(self.model),
            "sites": frame.sites,
            "cycles": [frame.cycles.start, frame.cycles.stop, frame.cycles.step],
            "within": self.within,
        }


@dataclass(frozen=True, eq=False)
class CampaignResult:
    """Outcomes of a campaign.

    Members
    -------
    campaign : Campaign
        What was run.
    numbers : array of int, ``[faults]``
        Pair numbers of the frame, in the order in which the plan gave them.
    outcomes : array of OUTCOME, ``[faults]``
        What became of them.
    seconds : float
        Wall-clock time of what was injected now, not loaded.
    injected : int
        How many that were.
    is_complete : bool
        False if other shards have yet to run.
    """

    campaign: Campaign
    numbers: NDArray[np.int64]
    outcomes: NDArray[np.void]
    seconds: float
    injected: int
    is_complete: bool = True

    @property
    def classes(self) -> NDArray[np.uint8]:
        """Class of each outcome."""
        return classify(self.outcomes, within=self.campaign.within)

    @property
    def rate(self) -> float:
        """Injections per second, all workers together; 0 if everything was loaded."""
        return self.injected / self.seconds if self.injected else 0.0


def run_campaign(
    campaign: Campaign,
    engine: Engine,
    *,
    store: Store | None = None,
    jobs: int | None = None,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> CampaignResult:
    """Return the outcomes of a campaign.

    Interrupted, it goes on where it was if it is given the same `store`; the totals are those of an
    uninterrupted run, since each part depends on its pairs alone.

    Parameters
    ----------
    store : Store, optional
        Where parts are kept; several machines may share it, each with a shard of its own.
    jobs : int, optional
        Parts that are run at a time; by default as many as there are cores.
    shard : (int, int)
        Which shard this is, from 0, and of how many. A shard runs its parts of the batch that is
        due; whoever finds all parts there goes on.
    """
    if store is not None:
        store.claim(campaign.described())
    jobs = jobs or os.cpu_count() or 1
    outcomes = np.zeros(0, OUTCOME)
    numbers = np.zeros(0, np.int64)
    seconds, injected, batch = 0.0, 0, 0
    plan = campaign.plan
    while (due := plan.next(classify(outcomes, within=campaign.within))) is not None:
        planned = plan.planned(classify(outcomes, within=campaign.within))
        begun = time.perf_counter()
        found = _Batch(campaign, engine, store, batch, due, shard)
        for done in found.run(jobs):
            if progress is not None:
                progress(len(outcomes) + done, planned)
        seconds += time.perf_counter() - begun
        injected += found.injected
        if not found.is_complete:
            return CampaignResult(campaign, numbers, outcomes, seconds, injected, False)
        outcomes, numbers = np.append(outcomes, found.outcomes), np.append(numbers, due)
        batch += 1
    return CampaignResult(campaign, numbers, outcomes, seconds, injected)


class _Batch:
    """The pairs that a plan gave at once, cut into parts of neighbouring sites."""

    def __init__(
        self,
        campaign: Campaign,
        engine: Engine,
        store: Store | None,
        index: int,
        numbers: NDArray[np.int64],
        shard: tuple[int, int],
    ) -> None:
        self._campaign, self._engine, self._store = campaign, engine, store
        self._index, self._numbers, self._shard = index, numbers, shard
        self._parts = self._cut()
        self.outcomes = np.zeros(len(numbers), OUTCOME)
        self.injected = 0
        self.is_complete = True

    def _cut(self) -> list[NDArray[np.int64]]:
        """Return the positions of each part: a site's faults lead to each other, and stay together.

        The cut does not depend on the number of workers, so that any may take over.
        """
        count = -(-len(self._numbers) // PART)
        if count < 8:
            count = max(1, min(8, len(self._numbers) // _SMALL))
        order = np.argsort(self._numbers % self._campaign.plan.frame.sites, kind="stable")
        return np.array_split(order, count)

    def run(self, jobs: int) -> Iterator[int]:
        """Run or load all parts; yield the faults that are done."""
        done, missing = 0, []
        for part, where in enumerate(self._parts):
            found = self._store.load(self._index, part, len(where)) if self._store else None
            if found is None:
                missing.append(part)
            else:
                self.outcomes[where] = found
                done += len(where)
        mine = [part for part in missing if part % self._shard[1] == self._shard[0]]
        self.is_complete = len(mine) == len(missing)
        yield done
        with Pool(jobs) as pool:
            waiting: dict[Future[Any], int] = {pool.submit(self._inject, p): p for p in mine}
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    where = self._parts[waiting.pop(future)]
                    self.outcomes[where] = future.result()
                    self.injected += len(where)
                    done += len(where)
                yield done

    def _inject(self, part: int) -> NDArray[np.void]:
        found = self._engine.inject(self._campaign.faults(self._numbers[self._parts[part]]))
        if self._store is not None:
            self._store.save(self._index, part, found)
        return found
