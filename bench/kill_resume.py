"""Kills a real search ten times at random moments, resumes it, and compares with one left alone.

Run ``python -m bench.kill_resume``. Two searches with empty caches, one measurement at a time:
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
import random
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bench.killing import Killed, Moment, Stored, Victim, mark
from bench.killing import kill_and_resume as killed_at

__all__ = ["broken_files", "finished_trials", "kill_and_resume", "stored"]

KILLS = 10
SEARCH = ["--workload", "gpt2", "--jobs", "1", "--name", "run"]


def stored(cache: Path) -> Stored:
    """Return every finished tool run: its entry, with the inode and time that a rewrite changes."""
    entries = [*cache.glob("*/??/*/entry.json"), *cache.glob("models/[0-9a-f]*/model.json")]
    return {str(path.relative_to(cache)): mark(path) for path in entries}


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
    """Run a search with a kill after each of `moments`, then to its end, and look at its folders.

    Parameters
    ----------
    start, kill, moments
        As of `bench.killing.kill_and_resume`.
    run, cache : Path
        Folders of the run and of the tools' results.
    """
    found = killed_at(
        start, kill, moments, lambda: stored(cache), records=lambda: finished_trials(run)
    )
    return replace(found, broken=[*broken_files(run), *broken_files(cache)])


class _Search(Victim):
    """`dse search` in a folder of its own."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.cache, self.run = folder / "cache", folder / "runs" / "run"
        command = ["search", *SEARCH, *options, "--runs", str(folder / "runs")]
        super().__init__(folder, command, {"KILN_CACHE": str(self.cache)})


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
        note.write_text(f"{search.left_alone():.1f}\n")
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
