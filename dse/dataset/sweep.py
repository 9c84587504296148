"""A sweep: which designs, in which order, and measuring what is not there yet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from boards.pool import Pool, stopping
from boards.target import Target
from boards.tools import ToolError, require_tool
from hw.contracts import ConfigError, KilnError, did_you_mean
from hw.export import ExportedDesign, export
from surrogates.data import DatasetFolder, DesignRecord, record_design
from surrogates.graphs import design_graph

from .generators import GENERATORS
from .measure import MEASURES, measurement_key

__all__ = ["Sweep", "Task"]

TOP = "kiln"
_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement that is due."""

    generator: str
    number: int
    kind: str
    target: Target
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Designs of some generators, measured in some ways.

    The n-th design of a generator follows from the seed and n alone, so that several machines, each
    with its part of the tasks, measure one sweep; what is there already is not measured again.

    Members
    -------
    folder : DatasetFolder
        Where everything is kept.
    generators : dict of str to int
        How many designs of each.
    kinds : tuple of str
        Of `dse.dataset.measure.MEASURES`.
    targets : tuple of Target
    seeds : int
        Placements of every design whose clock is measured.
    seed : int
        Of the designs.
    shard : (int, int)
        Which part of the tasks this process does, from 0, and of how many.
    """

    folder: DatasetFolder
    generators: dict[str, int]
    kinds: tuple[str, ...]
    targets: tuple[Target, ...]
    seeds: int = 1
    seed: int = 0
    shard: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        for name in self.generators:
            if name not in GENERATORS:
                raise ConfigError(
                    f"generator {name!r} is not known{did_you_mean(name, GENERATORS)}"
                )
        for kind in self.kinds:
            if kind not in MEASURES:
                raise ConfigError(f"{kind!r} cannot be measured{did_you_mean(kind, MEASURES)}")
        if not self.kinds:
            raise ConfigError(f"nothing to measure; choose from {', '.join(MEASURES)}")
        if not self.targets:
            raise ConfigError("no target to measure on; see `dse target list`")

    def tasks(self) -> list[Task]:
        """Return this shard's tasks, generators in turn, so that any beginning has some of all."""
        order = sorted(
            ((number + 0.5) / count, name, number)
            for name, count in self.generators.items()
            for number in range(count)
        )
        whole = [
            Task(name, number, kind, target, seed)
            for _, name, number in order
            for kind in self.kinds
            for target in self.targets
            if MEASURES[kind].suits(name, target)
            for seed in range(self.seeds if kind == "clock" else 1)
        ]
        return whole[self.shard[0] :: self.shard[1]]

    def design(self, generator: str, number: int) -> tuple[DesignRecord, ExportedDesign]:
        """Return the n-th design of a generator; knobs that do not go together are drawn again."""
        drawn = random.Random(f"{self.seed} {generator} {number}")
        found = GENERATORS[generator]
        for _ in range(_TRIES):
            knobs = found.draw(drawn)
            try:
                source = found.build(knobs)
            except ConfigError:
                continue
            design = export(source, TOP, axi=found.axi)
            return record_design(generator, knobs, design), design
        raise KilnError(f"no configuration of {generator} goes together in {_TRIES} draws")

    def run(self, jobs: int, told: Callable[[Task, str], None]) -> int:
        """Measure what is due; return how many measurements were made.

        Parameters
        ----------
        jobs : int
            Measurements at a time.
        told : callable
            Given each task as it ends, and what became of it.
        """
        require_tool("yosys")
        made = 0
        waiting: dict[Future[Any], Task] = {}
        with Pool(jobs) as pool:
            for task in self._started(pool, waiting, jobs):
                made += self._end(task, waiting, told)
        return made

    def _started(self, pool: Pool, waiting: dict[Future[Any], Task], jobs: int) -> Iterator[Any]:
        """Keep `jobs` tasks going; yield each future that is done."""
        for task in self.tasks():
            if stopping():
                return
            waiting[pool.submit(self._measure, task)] = task
            while len(waiting) >= 2 * jobs:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                yield from done
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            yield from done

    def _end(
        self, future: Any, waiting: dict[Future[Any], Task], told: Callable[[Task, str], None]
    ) -> int:
        task = waiting.pop(future)
        try:
            result: str = future.result()
        except ToolError as error:
            if stopping():
                raise
            told(task, f"not measured, for the next run: {error}")
            return 0
        told(task, result)
        return int(bool(result))

    def _measure(self, task: Task) -> str:
        """Measure one design in one way; return what was found, nothing if it was there."""
        record, design = self.design(task.generator, task.number)
        self.folder.add(record, design_graph(design).modules.values())
        if self.folder.has(record.digest, measurement_key(task.kind, task.target, task.seed)):
            return ""
        found = MEASURES[task.kind].measure(record, design, task.target, task.seed)
        self.folder.put(found)
        return found.error or ", ".join(f"{k} {v:g}" for k, v in found.figures.items())


def counts(designs: int, generators: Sequence[str]) -> dict[str, int]:
    """Return how many designs of each generator make a sweep of `designs`, one of each at least."""
    shares = {name: GENERATORS[name].share if name in GENERATORS else 1.0 for name in generators}
    whole = sum(shares.values())
    return {name: max(1, round(designs * share / whole)) for name, share in shares.items()}
