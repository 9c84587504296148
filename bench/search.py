"""The default search from an empty cache, again with it kept, then every design verified.

Run ``python -m bench.search``; it is long and wants an idle machine. Everything is
in a temporary folder (``KILN_CACHE`` too), which is left where a bar is missed. The clock starts
with the process; the first design is there when its record is in the run's journal. What set-up
does (``make setup``), compiling the simulator's own parts, is done before and not counted.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.kill_resume import finished_trials, stored
from bench.machine import busy
from bench.startup import SECONDS as HELP_S
from bench.startup import help_seconds, imported

__all__ = [
    "Bar",
    "Timed",
    "front_bars",
    "main",
    "repeat_bars",
    "table",
    "timed_search",
    "verify_bar",
]

FIRST_S, FRONT_S, REPEAT_S = 90.0, 480.0, 15.0
DESIGNS, COUNTS, LARGEST = 6, 3, 64
_DSE = str(Path(sys.executable).with_name("dse"))


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One promised figure: what it is, what was found, what is asked, and whether that is met."""

    name: str
    found: str
    asked: str
    met: bool


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One search: seconds to the first measured design and to the end, and its ``front.csv``."""

    first: float
    whole: float
    front: bytes


def timed_search(folder: Path, options: Sequence[str]) -> Timed:
    """Run ``dse search`` with the cache and runs of `folder`; its output is in ``output.txt``.

    Parameters
    ----------
    folder : Path
        Holds ``cache`` and ``runs``.
    options : sequence of str
        Of ``dse search``, beside workload, name and runs.
    """
    run, began = folder / "runs" / "bench", time.perf_counter()
    command = [_DSE, "search", "--workload", "gpt2", "--name", "bench", *options]
    first = float("inf")
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            [*command, "--runs", str(folder / "runs")],
            env={**os.environ, "KILN_CACHE": str(folder / "cache")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                if first == float("inf") and _measured(run):
                    first = time.perf_counter() - began
                time.sleep(0.05)
        finally:
            process.terminate()
            code = process.wait()
    whole = time.perf_counter() - began
    if code:
        raise SystemExit((folder / "output.txt").read_text("utf-8", "replace"))
    return Timed(first=min(first, whole), whole=whole, front=(run / "front.csv").read_bytes())


def _measured(run: Path) -> bool:
    records = finished_trials(run).values()
    return any(json.loads(record)["state"] == "measured" for record in records)


def front_bars(rows: Sequence[Mapping[str, str]]) -> list[Bar]:
    """Return the bars on ``front.csv``: its size, and its numbers of multipliers."""
    routed = [row for row in rows if row["clock_mhz_measured"]]
    counts = sorted({int(row["rows"]) * int(row["cols"]) for row in routed})
    return [
        Bar(
            name="routed designs on the front",
            found=str(len(routed)),
            asked=f">= {DESIGNS}",
            met=len(routed) >= DESIGNS,
        ),
        Bar(
            name="numbers of multipliers",
            found=" ".join(map(str, counts)) or "none",
            asked=f">= {COUNTS}, one >= {LARGEST}",
            met=len(counts) >= COUNTS and counts[-1] >= LARGEST,
        ),
    ]


def repeat_bars(first: Timed, again: Timed, new_results: int) -> list[Bar]:
    """Return the bars on the search that was repeated with the cache kept."""
    same = first.front == again.front
    return [
        _seconds("repeated, cache kept", again.whole, REPEAT_S),
        Bar(name="new tool results", found=str(new_results), asked="0", met=new_results == 0),
        Bar(
            name="front.csv the same bytes",
            found="yes" if same else "no",
            asked="yes",
            met=same,
        ),
    ]


def verify_bar(designs: Mapping[str, int]) -> Bar:
    """Return the bar on the exit codes of ``dse verify``, by design folder."""
    failed = [name for name, code in designs.items() if code]
    passed = f"{len(designs) - len(failed)} of {len(designs)}"
    return Bar(
        name="designs that pass dse verify",
        found=f"{passed}; failed: {' '.join(failed)}" if failed else passed,
        asked="all",
        met=bool(designs) and not failed,
    )


def _verify(folder: Path) -> dict[str, int]:
    """Run ``dse verify`` on every design folder of the run; return the exit codes."""
    codes = {}
    for design in sorted((folder / "runs" / "bench" / "designs").iterdir()):
        print(f"verify {design.name}", flush=True)
        with (folder / "verify.txt").open("ab") as output:
            codes[design.name] = subprocess.run(
                [_DSE, "verify", "--design", str(design)],
                env={**os.environ, "KILN_CACHE": str(folder / "cache")},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
    return codes


def table(bars: Sequence[Bar]) -> str:
    """Return one line per bar."""
    rows = [("", "what", "found", "asked")]
    rows += [("pass" if bar.met else "FAIL", bar.name, bar.found, bar.asked) for bar in bars]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _seconds(name: str, found: float, asked: float) -> Bar:
    return Bar(name=name, found=f"{found:.2f} s", asked=f"< {asked:g} s", met=found < asked)


def _startup_bars() -> list[Bar]:
    heavy = imported()
    return [
        _seconds("dse --help, best of 5", min(help_seconds()), HELP_S),
        Bar(
            name="heavy imports of it", found=" ".join(heavy) or "none", asked="none", met=not heavy
        ),
    ]


def _set_up(folder: Path) -> float:
    """Do what ``make setup`` does in the cache of `folder`; return the seconds that it took."""
    began = time.perf_counter()
    command = [sys.executable, "-c", "from sim.cosim.warm_up import warm_up; warm_up()"]
    environment = {**os.environ, "KILN_CACHE": str(folder / "cache")}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _search_bars(folder: Path, options: Sequence[str]) -> list[Bar]:
    """Search, delete the run but not the cache, search again."""
    print(f"set-up of the simulator: {_set_up(folder):.0f} s, not counted", flush=True)
    first = timed_search(folder, options)
    known = stored(folder / "cache")
    shutil.rmtree(folder / "runs")
    again = timed_search(folder, options)
    changed = stored(folder / "cache").items() - known.items()
    return [
        _seconds("first measured design", first.first, FIRST_S),
        _seconds("front, whole search", first.whole, FRONT_S),
        *front_bars(list(csv.DictReader(first.front.decode().splitlines()))),
        *repeat_bars(first, again, len(changed)),
        verify_bar(_verify(folder)),
    ]


def main() -> int:
    """Print the table; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("options", nargs="*", help="of dse search, after --; for a quick look")
    options = parser.parse_args().options
    if remark := busy(2):
        print(remark, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="kiln-bench-"))
    bars = [*_startup_bars(), *_search_bars(folder, options)]
    print(table(bars))
    if all(bar.met for bar in bars):
        shutil.rmtree(folder)
        return 0
    print(f"left in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
