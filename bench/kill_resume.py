"""Kills a real search ten times at random moments, resumes it, and compares with one left alone.

Run ``python bench/kill_resume.py``. Two searches with empty caches, one measurement at a time:
the first is left alone, the second is killed with SIGKILL (its whole process group) at random
moments: drawn uniformly over the mean time of a tool run, counted from the start of the process
or from the next result that it stores, so that kills reach all of the search. After every kill,
each result that had been stored must still be there, untouched; in the end the fronts must be the
same byte for byte, both searches must have made the same tool runs, and every file must be whole.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Killed", "broken_files", "finished_trials", "kill_and_resume", "stored"]

KILLS = 10
SEARCH = ["--workload", "gpt2", "--jobs", "1", "--name", "run"]
_START = "import sys; sys.argv[0] = 'dse'; from dse.cli import main; main()"
_ROOT = Path(__file__).resolve().parent.parent

Stored = dict[str, tuple[int, int]]
Moment = tuple[int, float]


@dataclass(frozen=True, kw_only=True)
class Killed:
    """What killing and resuming showed; all three are 0 for a search that loses nothing.

    Members
    -------
    kills : int
        How often the search was killed while it ran.
    lost : int
        Stored results or journalled trials that were gone, or differed, later on.
    repeated : int
        Stored results that were made again.
    broken : list of str
        Files that do not parse.
    """

    kills: int
    lost: int
    repeated: int
    broken: list[str]


def stored(cache: Path) -> Stored:
    """Return every finished tool run: its entry, with the inode and time that a rewrite changes."""
    entries = [*cache.glob("*/??/*/entry.json"), *cache.glob("models/[0-9a-f]*/model.json")]
    return {
        str(path.relative_to(cache)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in entries
    }


def finished_trials(run: Path) -> dict[str, str]:
    """Return the record of each measured trial, as the journal has it."""
    journal = run / "journal.log"
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    found = [json.loads(line) for line in lines]
    return {
        f"trial {log['trial_id']}": json.dumps(log["user_attr"]["record"], sort_keys=True)
        for log in found
        if "record" in log.get("user_attr", {})
    }


def broken_files(folder: Path) -> list[str]:
    """Return the files below `folder` that are empty, half written or do not parse."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and _broken(path)]


def _broken(path: Path) -> bool:
    if path.name.endswith(".part"):
        return True
    text = path.read_text("utf-8", "replace")
    try:
        if (
            path.suffix in (".json", "") and path.name in ("lock", "lease")
        ) or path.suffix == ".json":
            json.loads(text)
        elif path.name == "journal.log":
            return not text.endswith("\n") or any(not json.loads(x) for x in text.splitlines())
        elif path.suffix == ".toml":
            tomllib.loads(text)
        elif path.suffix == ".csv":
            rows = list(csv.reader(text.splitlines()))
            return len({len(row) for row in rows}) > 1 or not text.endswith("\n")
        elif path.suffix == ".v":
            return text.count("endmodule") == 0
        elif path.suffix == ".html":
            return not text.rstrip().endswith("</html>")
    except ValueError:
        return True
    return False


def kill_and_resume(
    start: Callable[[], Callable[[], int | None]],
    kill: Callable[[], None],
    moments: list[Moment],
    run: Path,
    cache: Path,
) -> Killed:
    """Run a search with a kill after each of `moments` seconds, then to its end.

    Parameters
    ----------
    start : callable
        Starts the search and returns what tells its exit code, None while it runs.
    kill : callable
        Kills what was started last, and waits until it is dead.
    moments : list of (int, float)
        Before each kill, how many results it may store, and how many seconds it may go on then.
    run, cache : Path
        Folders of the run and of the tools' results.
    """
    kills = lost = repeated = 0
    known: Stored = {}
    trials: dict[str, str] = {}
    for moment in [*moments, None]:
        poll = start()
        _wait(poll, moment, cache, len(known))
        if (code := poll()) is None:
            kill()
            kills += 1
        elif code != 0:
            raise SystemExit(f"the search ended with code {code}")
        now, told = stored(cache), finished_trials(run)
        lost += len(known.keys() - now.keys())
        lost += sum(told.get(name) != record for name, record in trials.items())
        repeated += sum(now[name] != mark for name, mark in known.items() if name in now)
        known, trials = now, told
    return Killed(
        kills=kills, lost=lost, repeated=repeated, broken=[*broken_files(run), *broken_files(cache)]
    )


def _wait(poll: Callable[[], int | None], moment: Moment | None, cache: Path, had: int) -> None:
    """Return when the search has ended, or its moment to die has come."""
    since = time.monotonic()
    while poll() is None:
        time.sleep(0.005)
        if moment is None:
            continue
        if len(stored(cache)) < had + moment[0]:
            since = time.monotonic()
        elif time.monotonic() - since >= moment[1]:
            return


class _Search:
    """`dse search` in a process group of its own."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.folder, self.cache, self.run = folder, folder / "cache", folder / "runs" / "run"
        self._command = [sys.executable, "-c", _START, "search", *SEARCH, *options]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> Callable[[], int | None]:
        environment = {**os.environ, "KILN_CACHE": str(self.cache), "PYTHONPATH": str(_ROOT)}
        with (self.folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command, "--runs", str(self.folder / "runs")],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process.poll

    def kill(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def main() -> None:
    """Print what was found; end with code 1 if anything was lost, repeated, broken or other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, help="where; a left-alone search there is used")
    parser.add_argument("options", nargs="*", help="of dse search, after --; see the default")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="kill-resume-"))
    options = given.options or ["--budget", "6", "--fix", "rows=4", "--fix", "cols=4"]
    alone, seconds = _left_alone(folder / "alone", options)
    draw = random.Random(given.seed)
    each = seconds / len(stored(alone.cache))
    moments = [(draw.choice((0, 1, 1)), draw.uniform(0, each)) for _ in range(KILLS)]
    told = ", ".join(f"{n} results and {s:.1f} s" for n, s in moments)
    print(f"seed {given.seed}, killed after {told}", flush=True)
    victim = _Search(folder / "killed", options)
    found = kill_and_resume(victim.start, victim.kill, moments, victim.run, victim.cache)
    differences = _differences(alone, victim)
    runs = len(stored(victim.cache))
    print(
        f"{found.kills} kills, {runs} tool runs stored, {found.lost} lost, "
        f"{found.repeated} repeated, {len(found.broken)} broken files {found.broken or ''}"
    )
    for what, same in differences.items():
        print(f"{what}: {'the same' if same else 'DIFFERENT'}")
    if found.kills < KILLS:
        print(f"the search ended after {found.kills} of {KILLS} kills: give it a larger --budget")
    wrong = found.kills < KILLS or found.lost or found.repeated or found.broken
    if wrong or not all(differences.values()):
        sys.exit(1)


def _left_alone(folder: Path, options: list[str]) -> tuple[_Search, float]:
    search = _Search(folder, options)
    note = folder / "seconds.txt"
    if not note.exists():
        began = time.monotonic()
        poll = search.start()
        while (code := poll()) is None:
            time.sleep(0.1)
        if code:
            raise SystemExit((folder / "output.txt").read_text())
        note.write_text(f"{time.monotonic() - began:.1f}\n")
    seconds = float(note.read_text())
    print(f"left alone: {seconds:.0f} s, {len(stored(search.cache))} tool runs", flush=True)
    return search, seconds


def _differences(alone: _Search, victim: _Search) -> Mapping[str, bool]:
    files = ("front.csv", "front.json", "designs.csv", "model_front.csv")
    same = {
        name: (alone.run / name).read_bytes() == (victim.run / name).read_bytes() for name in files
    }
    return {**same, "tool runs": stored(alone.cache).keys() == stored(victim.cache).keys()}


if __name__ == "__main__":
    main()
