"""Targets: built in, from a file, from a plug-in; and what is refused, with the remedy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from boards.target import DEFAULT_TARGET, Target, list_targets, load_target
from hw.contracts import ConfigError

BUILT_IN = ("ecpix5-85f", "alveo-u55c", "icebreaker", "sky130", "ulx3s-85f")


def toml(**changes: str) -> str:
    """Return the default target's text with some lines replaced."""
    text = (files("boards") / "targets" / f"{DEFAULT_TARGET}.toml").read_text("utf-8")
    lines = text.splitlines()
    for key, line in changes.items():
        at = next(i for i, old in enumerate(lines) if old.startswith(f"{key} ="))
        lines[at] = line
    return "\n".join(lines)


def test_the_default_comes_first() -> None:
    assert list_targets()[0] == DEFAULT_TARGET
    assert set(BUILT_IN) <= set(list_targets())


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_targets_are_sound(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    assert target.reserve_note
    assert all(amount > 0 for amount in target.available.values())
    assert target.memory.bytes_per_s < target.memory.peak_bytes_per_s or name in (
        "sky130",  # refresh hides behind a fixed latency
        "icebreaker",  # flash has none
    )
    assert target.host.elements_per_s("softmax") > 0


def test_the_ecpix5_gives_what_litedram_gives() -> None:
    memory = load_target("ecpix5-85f").memory
    assert memory.peak_bytes_per_s == 600e6
    assert memory.capacity_bytes == 512 << 20


def test_the_ulx3s_has_32_megabytes() -> None:
    assert load_target("ulx3s-85f").memory.capacity_bytes == 32 << 20


def test_a_target_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(toml(name='name = "mine"'))
    assert load_target(path).name == "mine"
    assert load_target(str(path)) == load_target(path)


def test_a_target_from_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_board.toml").write_text(toml(name='name = "plugged"'))
    (tmp_path / "my_board.py").write_text(
        "from pathlib import Path\ndef target():\n"
        "    return Path(__file__).with_suffix('.toml')\nwrong = 3\n"
    )
    info = tmp_path / "my_board-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-board\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[kiln.targets]\nplugged = my_board:target\nbroken = my_board:wrong\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "plugged" in list_targets()
    assert load_target("plugged").name == "plugged"
    with pytest.raises(ConfigError, match=r"entry point 'broken' .* gives int"):
        load_target("broken")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"family": 'famly = "ecp5"'}, "unknown key 'famly'; did you mean 'family'"),
        ({"family": 'family = "ecp6"'}, "unknown family 'ecp6'; did you mean 'ecp5'"),
        ({"family": "family = 5"}, "family=5 is not a string"),
        ({"family": 'family = "xcup"'}, "no open router exists for 'xcup'"),
        ({"family": ""}, "key 'family' is missing; add `family = ...`"),
        ({"lut": "lut = -5"}, "lut=-5.* use 0 or more"),
        ({"lut": "lut = nan"}, "lut=nan"),
        ({"lut": "luts = 5"}, "unknown key 'luts'; did you mean 'lut'"),
        ({"lut": "lut = 100"}, "reserve: lut=10000 is more than the budget of 100"),
        ({"capacity_bytes": "capacity_bytes = 0"}, "capacity_bytes=0 makes no sense"),
        ({"capacity_bytes": "capacity_bytes = 1.5"}, "is not an integer"),
        ({"capacity_bytes": "capacity_bytes = true"}, "is not an integer"),
        ({"refresh_fraction": "refresh_fraction = 1.0"}, "leaves no time to read"),
        ({"max_mhz": "max_mhz = 0"}, "max_mhz=0 makes no sense"),
        ({"max_mhz": "max_mhz = inf"}, "max_mhz=inf makes no sense"),
        ({"observers": 'observers = "board"'}, "is not a list"),
        ({"softmax": "softmx = 4"}, "did you mean 'softmax'"),
        ({"default": ""}, "has no `default`"),
        ({"speed": 'speed = "8"\nharness = "none"'}, "unknown harness 'none'"),
        ({"speed": 'speed = "8"\nharness = "registered"'}, "does not exist for 'ecp5'"),
        ({"title": "title ="}, "not TOML"),
    ],
)
def test_a_bad_file_is_refused_with_the_remedy(line: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Target.from_toml(toml(**line), "bad.toml")
    assert str(caught.value).startswith("bad.toml: ")


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ecpix5-85f'"):
        load_target("ecpix5")


@pytest.mark.parametrize("make", ["missing", "folder", "binary"])
def test_an_unreadable_file_is_a_clear_message(tmp_path: Path, make: str) -> None:
    path = tmp_path / "mine.toml"
    if make == "folder":
        path.mkdir()
    elif make == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"give .* TOML file"):
        load_target(path)
