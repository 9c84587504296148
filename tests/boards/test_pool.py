"""Tools end: at their end, at their limit, at the user's word; and say why."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from boards.pool import Pool, ToolRun, run_tool
from boards.tools import ToolError

FOREVER = "import time; print('begun', flush=True); time.sleep(600)"


def python(code: str, folder: Path, **options: object) -> ToolRun:
    command = [sys.executable, "-c", code]
    options = {"timeout_s": 60, **options}
    return run_tool("tool", command, folder=folder, **options)  # type: ignore[arg-type]


def test_the_log_holds_both_streams_and_progress_each_line(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr)"
    assert python(code, tmp_path, progress=lines.append).log == "out\nerr\n"
    assert lines == ["out", "err"]


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"tool failed with code 3; .*\nwhy"):
        python("print('why', flush=True); raise SystemExit(3)", tmp_path)


def test_a_tool_that_does_not_start_names_doctor(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"does not start .* `dse doctor`"):
        run_tool("tool", [str(tmp_path / "none")], folder=tmp_path, timeout_s=1)


def test_a_limit_ends_the_tool_and_its_children(tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FOREVER!r}])"
    with pytest.raises(ToolError, match=r"limit of 0\.5 s; raise the time limit"):
        python(code, tmp_path, timeout_s=0.5)


def test_the_projects_own_modules_are_found_from_anywhere(tmp_path: Path) -> None:
    assert "boards" in python("import boards.pool as p; print(p.__name__)", tmp_path).log


def test_a_tools_own_temporary_files_go_with_its_folder(tmp_path: Path) -> None:
    assert python("import tempfile; print(tempfile.gettempdir())", tmp_path).log.strip() == str(
        tmp_path
    )


def test_results_come_back_through_the_pool() -> None:
    with Pool(workers=2) as pool:
        futures = [pool.submit(pow, 2, n) for n in range(4)]
    assert [future.result() for future in futures] == [1, 2, 4, 8]


def test_ctrl_c_kills_what_runs_and_cancels_the_rest(tmp_path: Path) -> None:
    begun = threading.Event()

    def forever() -> ToolRun:
        return python(FOREVER, tmp_path, timeout_s=600, progress=lambda line: begun.set())

    futures = []
    with suppress(KeyboardInterrupt), Pool(workers=1) as pool:
        futures += [pool.submit(forever), pool.submit(forever)]
        begun.wait()
        raise KeyboardInterrupt
    with pytest.raises(ToolError, match="was stopped; what was measured before is kept"):
        futures[0].result()
    assert futures[1].cancelled()


def test_after_a_stop_the_next_run_works(tmp_path: Path) -> None:
    Pool().stop()
    assert python("print(1)", tmp_path).log == "1\n"
