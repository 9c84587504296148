"""The cache: equal questions are asked once, damage is said aloud and mended."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from boards.cache import Cache, Entry, cache_folder, cache_key
from hw.contracts import ConfigError, KilnError

ENTRY = Entry(payload={"lut": 3}, log="done\n", files={"netlist.json": b"{}"})
KEY = cache_key(verilog="module m; endmodule", tool="yosys 1", options=["-a"])


class Maker:
    """Counts how often the tool had to run."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> Entry:
        self.runs += 1
        return ENTRY


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> Cache:
    return Cache(tmp_path / "cache", say=said.append)


def test_a_tool_runs_once(cache: Cache) -> None:
    maker = Maker()
    assert cache.remember("synth", KEY, maker) == ENTRY
    assert cache.remember("synth", KEY, maker) == ENTRY
    assert maker.runs == 1
    assert cache.log_path("synth", KEY).read_text() == "done\n"


@pytest.mark.parametrize("part", ["verilog", "tool", "options"])
def test_every_part_of_the_question_counts(part: str) -> None:
    parts: dict[str, Any] = {"verilog": "module m; endmodule", "tool": "yosys 1", "options": ["-a"]}
    assert cache_key(**parts) == KEY
    assert cache_key(**parts | {part: "other"}) != KEY


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("entry.json", b""),
        ("entry.json", b"{}"),
        ("entry.json", b"[]"),
        ("entry.json", b"\xff\xff"),
        ("netlist.json.gz", b"\x1f\x8b"),
        ("netlist.json.gz", None),
        ("log.txt", None),
    ],
)
def test_damage_is_said_and_mended(
    cache: Cache, said: list[str], name: str, content: bytes | None
) -> None:
    maker = Maker()
    cache.remember("synth", KEY, maker)
    path = cache.path("synth", KEY) / name
    path.unlink() if content is None else path.write_bytes(content)
    assert cache.remember("synth", KEY, maker) == ENTRY
    assert "is damaged" in said[0]
    assert "will be made again" in said[0]
    assert cache.get("synth", KEY) == ENTRY
    assert (maker.runs, len(said)) == (2, 1)


def test_a_changed_number_is_noticed(cache: Cache, said: list[str]) -> None:
    cache.put("synth", KEY, ENTRY)
    path = cache.path("synth", KEY) / "entry.json"
    path.write_text(path.read_text().replace('"lut": 3', '"lut": 2'))
    assert cache.get("synth", KEY) is None
    assert "digest does not match" in said[0]


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot create the folder .*choose a folder"):
        Cache(tmp_path / "file" / "cache")


def test_a_full_disk_loses_nothing(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put("synth", KEY, ENTRY)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(KilnError, match="disk is full; free some space") as caught:
            cache.put("synth", cache_key(other=1), ENTRY)
    assert caught.value.exit_code == 1
    assert cache.get("synth", KEY) == ENTRY
    assert cache.get("synth", cache_key(other=1)) is None


def test_two_who_ask_at_once_make_it_once(tmp_path: Path, said: list[str]) -> None:
    runs = []

    def slow() -> Entry:
        runs.append(1)
        time.sleep(0.5)
        return ENTRY

    caches = [Cache(tmp_path / "cache", say=said.append) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        made = list(threads.map(lambda cache: cache.remember("synth", KEY, slow), caches))
    assert made == [ENTRY] * 3
    assert len(runs) == 1
    assert len(said) == 2
    assert all("which is at the same synth step" in text for text in said)


def test_what_a_killed_maker_left_is_made_by_the_next(cache: Cache) -> None:
    folder = cache.path("synth", KEY)
    folder.mkdir(parents=True)
    (folder / ".entry.json.x.part").write_text("{")
    (folder / "lease").write_text('{"pid": 1')
    maker = Maker()
    assert cache.remember("synth", KEY, maker) == ENTRY
    assert maker.runs == 1
    assert not list(folder.glob("*.part"))


def test_the_folder_is_the_users_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
