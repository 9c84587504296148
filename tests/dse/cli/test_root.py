"""The command as a whole: what it costs to start, and how it speaks and ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dse.cli.lazy import LazyGroup
from hw.contracts import KilnError

from .helpers import dse

_HEAVY = ("torch", "pandas", "matplotlib", "optuna", "plotly", "amaranth", "numpy", "rich")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy() -> None:
    done = _python(
        "import sys\n"
        "from dse.cli import app\n"
        "try: app(['--help'])\n"
        f"finally: print([m for m in {_HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    assert "Commands:" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", [[], ["--help"], *([c, "--help"] for c in LazyGroup.COMMANDS)])
def test_every_command_explains_itself(command: list[str]) -> None:
    outcome = dse(*command)
    assert "Usage: dse" in outcome.out + outcome.err
    assert outcome.code == (0 if command else 2)


def test_all_commands_are_listed() -> None:
    listed = dse("--help").out
    assert all(f"  {name} " in listed for name in LazyGroup.COMMANDS)


def test_version_is_printed() -> None:
    assert dse("--version").out.startswith("kiln 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serch"], "Did you mean 'search'"),
        (["target", "lst"], "Did you mean 'list'"),
        (["generate", "matrx"], "Did you mean 'matrix'"),
        (["target", "list", "--jso"], "did you mean --json?"),
        (["generate", "matrix", "--row", "4"], "did you mean"),
        (["search", "--workloda", "gpt2"], "did you mean --workload?"),
        (["target", "show", "ecpix"], "did you mean 'ecpix5-85f'"),
        (["workload", "show", "gpt-2"], "did you mean 'gpt2'"),
        (["search", "--budget", "many"], "'--budget'"),
    ],
)
def test_wrong_usage_exits_2_and_suggests(arguments: list[str], words: str) -> None:
    outcome = dse(*arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert outcome.out == ""


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let `dse target list` fail with the parameter."""

    def fail() -> None:
        raise request.param

    monkeypatch.setattr("boards.target.list_targets", fail)


@pytest.mark.parametrize("failing", [KilnError("the tool failed; try again")], indirect=True)
@pytest.mark.usefixtures("failing")
def test_a_failed_run_exits_1_with_its_message() -> None:
    outcome = dse("target", "list")
    assert (outcome.code, outcome.err) == (1, "error: the tool failed; try again\n")


@pytest.mark.parametrize("failing", [RuntimeError("what now")], indirect=True)
@pytest.mark.usefixtures("failing")
def test_an_unexpected_error_names_the_next_step() -> None:
    outcome = dse("target", "list")
    assert outcome.code == 1
    assert "RuntimeError: what now" in outcome.err
    assert "--debug" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("failing", [OSError(28, "No space left on device")], indirect=True)
@pytest.mark.usefixtures("failing")
def test_a_full_disk_says_how_to_go_on() -> None:
    outcome = dse("target", "list")
    assert outcome.code == 1
    assert "make room and run the same command again" in outcome.err


@pytest.mark.parametrize("failing", [PermissionError(13, "denied", "secret")], indirect=True)
@pytest.mark.usefixtures("failing")
def test_an_unreadable_file_is_named() -> None:
    assert "Check that secret is there" in dse("target", "list").err


@pytest.mark.parametrize("failing", [KeyboardInterrupt()], indirect=True)
@pytest.mark.usefixtures("failing")
def test_interruption_exits_130() -> None:
    outcome = dse("target", "list")
    assert outcome.code == 130
    assert "kept" in outcome.err


def test_what_tools_print_stays_off_stdout() -> None:
    done = _python(
        "import os, sys\n"
        "import dse.cli as cli\n"
        "cli._reserve_stdout()\n"
        "os.write(1, b'noise of a tool\\n')\n"
        "print('data')"
    )
    assert (done.stdout, done.stderr) == ("data\n", "noise of a tool\n")


def test_a_closed_pipe_is_no_error() -> None:
    line = f"{sys.executable} -c 'from dse.cli import main; main()' target list | head -n 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr


def test_completion_offers_names() -> None:
    from dse.cli import complete

    assert "ecpix5-85f" in complete.target_names("ecp")
    assert "gpt2" in complete.workload_names("gpt")
    assert complete.sampler_names("k") == ["kiln"]
    assert "latency" in complete.objective_names("")
