"""Leases end with their holder; scratch folders of the dead are cleared away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hw.contracts import (
    Lease,
    StorageError,
    remove_abandoned,
    remove_parts,
    scratch_folder,
    time_limit,
    write_atomic,
)

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from hw.contracts import Lease
lease = Lease(Path(sys.argv[1]))
lease.take()
print("held", flush=True)
time.sleep(60)
"""
WORK = """
import subprocess, time
from hw.contracts import scratch_folder
with scratch_folder() as folder:
    quiet = {"stdout": subprocess.DEVNULL, "start_new_session": True}
    subprocess.Popen(["sleep", "60"], cwd=folder, **quiet)
    print(folder, flush=True)
    time.sleep(60)
"""


def begin(program, *args):
    """Start a Python program; return it and the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def end(process):
    process.kill()
    with process:
        process.wait()


def test_a_lease_is_held_once_and_says_by_whom(tmp_path):
    with Lease(tmp_path / "lock") as first:
        assert first.take()
        assert first.take()
        second = Lease(tmp_path / "lock")
        assert not second.take()
        assert f"process {os.getpid()} on" in second.holder
    assert second.take()
    second.release()


def test_a_killed_holder_loses_it_at_once(tmp_path):
    process, said = begin(HOLD, tmp_path / "lock")
    lease = Lease(tmp_path / "lock")
    assert said == "held"
    assert not lease.take()
    assert f"process {process.pid} on" in lease.holder
    end(process)
    with lease:
        assert lease.take()


def test_a_lease_deleted_by_its_holder_is_not_taken_twice(tmp_path):
    first = Lease(tmp_path / "lock")
    first.take()
    first.release(delete=True)
    with Lease(tmp_path / "lock") as second, Lease(tmp_path / "lock") as third:
        assert second.take()
        assert not third.take()


def test_waiting_ends_when_told_to(tmp_path):
    with Lease(tmp_path / "lock") as first:
        first.take()
        with pytest.raises(StorageError, match="stop"):
            Lease(tmp_path / "lock").wait(give_up=lambda: StorageError("stop"))


def test_a_scratch_folder_goes_with_its_block():
    with scratch_folder() as folder:
        (folder / "file").write_text("x")
        remove_abandoned()
        assert (folder / "file").exists()
    assert not folder.exists()


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="this system has no /proc")
def test_what_a_killed_process_left_is_ended_and_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    process, folder = begin(WORK)
    orphans = working_in(folder)
    assert len(orphans) == 1
    end(process)
    assert working_in(folder) == orphans
    remove_abandoned()
    assert not working_in(folder)
    assert not list(Path(folder).parent.iterdir())


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="this system has no /proc")
def test_a_hung_tool_is_stopped_in_time(tmp_path):
    began = time.monotonic()
    with time_limit(tmp_path, 0.3) as over:
        code = subprocess.call(["sleep", "60"], cwd=tmp_path)
    assert over.is_set()
    assert code == -signal.SIGKILL
    assert time.monotonic() - began < 30


def test_half_written_files_are_removed_and_whole_ones_stay(tmp_path):
    write_atomic(tmp_path / "run" / "front.csv", "a\n")
    (tmp_path / "run" / ".front.csv.abc.part").write_text("a")
    (tmp_path / "run" / ".00.part").mkdir()
    remove_parts(tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["front.csv"]


def working_in(folder):
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == Path(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
