"""A toy search in a process of its own, to be killed: its measurements go through the cache."""

from __future__ import annotations

import os
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from optuna.storages.journal import JournalFileBackend

from boards.cache import Cache, Entry, cache_key
from dse.explore.search import Search
from dse.results import RunFolder
from hw.contracts import write_atomic

from .toy import TOY_SPACE, ToyEvaluator

BUDGET = 36  # ten kills take at most three measurements each: none comes too late
SECONDS = 0.06  # of one measurement


class CachedToy(ToyEvaluator):
    """Measures in one thread, slowly, and only what the cache does not know."""

    def __init__(self, run: RunFolder, cache: Path) -> None:
        super().__init__()
        self._run, self._cache = run, Cache(cache)
        self._threads = ThreadPoolExecutor(1)

    def submit(self, number, point):
        return self._threads.submit(self._measure, number, TOY_SPACE.index(point), super().submit)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _measure(self, number, index, answer):
        def make():
            time.sleep(SECONDS)
            return Entry(payload={"index": index}, log="done\n")

        self._cache.remember("toy", cache_key(index=index), make)
        with self._run.fresh_design(number) as folder:
            for name in ("config", "metrics"):
                write_atomic(folder / f"{name}.json", f'{{"index": {index}}}\n')
        return answer(number, TOY_SPACE.point(index)).result()


def search_toy(path: Path, sampler: str, die_at: int | None = None, most_bytes: int = 0) -> None:
    """Run the search in `path`; `die_at` kills it half-way through that line of the journal."""
    if die_at is not None:
        _die_in_line(die_at)
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    run = RunFolder(path / "run")
    toy = CachedToy(run, path / "cache")
    for _ in Search(
        toy, run, sampler=sampler, budget=BUDGET, seed=5, claim=lambda: run.start({"schema": 1})
    ):
        pass


def _die_in_line(number: int) -> None:
    written = 0

    def append(backend, logs):
        nonlocal written
        written += 1
        if written == number:
            with Path(backend._file_path).open("ab") as stream:
                stream.write(b'{"op_code": 5, "trial')
            os.kill(os.getpid(), signal.SIGKILL)
        whole(backend, logs)

    whole, JournalFileBackend.append_logs = JournalFileBackend.append_logs, append


def start(*args):
    """Start `search_toy` in a process that has imported everything already."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=search_toy, args=args)
    process.start()
    return process
