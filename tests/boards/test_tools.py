"""Tools are found, versions checked, and absence said with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from boards import tools
from boards.tools import ToolError, check_tools, find_tool, require_tool

Fake = Callable[[str, str], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return a function that puts a program on an otherwise empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    tools._version_text.cache_clear()

    def make(name: str, prints: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{prints}'\n")
        path.chmod(0o755)

    return make


def test_every_tool_of_a_complete_set_up_is_usable() -> None:
    assert [status.problem for status in check_tools() if not status.ok] == []


def test_a_missing_compiler_names_the_remedy(fake: Fake) -> None:
    with pytest.raises(ToolError, match=r"c\+\+ is missing .* run: .* install g\+\+"):
        require_tool("c++")


def test_an_old_tool_names_both_versions(fake: Fake) -> None:
    fake("make", "GNU Make 3.81")
    with pytest.raises(ToolError, match=r"make 3\.81 is too old, 4 is needed; run:"):
        require_tool("make")


def test_yosys_on_path_is_never_used(fake: Fake) -> None:
    fake("yosys", "Yosys 0.23")
    assert "pyosys" in find_tool("yosys").identity


def test_an_old_native_nextpnr_is_passed_over(fake: Fake) -> None:
    fake("nextpnr-ecp5", '"nextpnr-ecp5" -- Next Generation Place and Route (Version nextpnr-0.4)')
    assert "yowasp" in find_tool("nextpnr-ecp5").identity


def test_a_new_native_nextpnr_is_preferred(fake: Fake) -> None:
    fake("nextpnr-ecp5", '"nextpnr-ecp5" -- (Version nextpnr-0.12-3-gabcdef0)')
    status = require_tool("nextpnr-ecp5")
    assert status.identity == "nextpnr-ecp5 0.12-3-gabcdef0"


def test_a_program_that_does_not_start_is_too_old_not_a_crash(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "perl").write_text("no program")
    (tmp_path / "perl").chmod(0o755)
    assert not find_tool("perl").ok


def test_a_missing_wheel_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise tools.PackageNotFoundError(package)

    monkeypatch.setattr(tools, "version", missing)
    with pytest.raises(ToolError, match=r"yosys is missing .* pip install pyosys==0.70"):
        require_tool("yosys")


def test_an_unknown_tool_gets_a_suggestion() -> None:
    with pytest.raises(ToolError, match="did you mean 'verilator'"):
        find_tool("verilatr")
