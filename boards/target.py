"""Targets: a board or a process in one TOML file, built in, plugged in or the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, did_you_mean

from .memory import Host, Memory, require_positive
from .tables import from_table

__all__ = [
    "DEFAULT_TARGET",
    "FAMILIES",
    "RESOURCES",
    "Clock",
    "Host",
    "Memory",
    "Routing",
    "Target",
    "list_targets",
    "load_target",
]

DEFAULT_TARGET = "ecpix5-85f"

RESOURCES = ("lut", "ff", "dsp", "bram", "spram", "uram", "area_um2")

HARNESSES = ("out-of-context", "registered")
ROUTERS = {"ecp5": "out-of-context", "ice40": "registered"}  # family to the harness it is given

# kbit in one block of a family's block RAM: ECP5 EBR, iCE40 EBR, UltraScale+ RAMB36.
FAMILIES: dict[str, int] = {"ecp5": 18, "ice40": 4, "xcup": 36, "sky130": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Clock limits of a target, in MHz.

    Parameters
    ----------
    max_mhz : float
        What the device's clock network or process corner allows whatever the logic.
    request_mhz : float
        What the router (or ABC) is asked for; part of a figure's conditions.
    """

    max_mhz: float
    request_mhz: float

    def __post_init__(self) -> None:
        require_positive(self, "max_mhz", "request_mhz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Conditions under which the open router is run; part of every clock figure.

    Parameters
    ----------
    device : str
        nextpnr's device switch without dashes, such as ``um5g-85k``.
    package : str
        nextpnr's package name.
    speed : str
        Speed grade; empty where the family has none.
    harness : str
        ``out-of-context``: ports are left unplaced (ECP5 only); ``registered``: inputs from a scan
        chain and outputs folded into one register chain, so that three pins are enough.
    seeds : int
        Median of so many seeds where the budget allows.
    """

    device: str
    package: str
    speed: str = ""
    harness: str = "out-of-context"
    seeds: int = 3

    def __post_init__(self) -> None:
        require_positive(self, "seeds")
        if self.harness not in HARNESSES:
            raise ConfigError(
                f"unknown harness {self.harness!r}{did_you_mean(self.harness, HARNESSES)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A board or process: budget, clock, flow, memories, reserve and host.

    Parameters
    ----------
    name, title : str
        Key for the command line, and what a report prints.
    family : str
        One of `FAMILIES`; chooses the synthesis flow.
    budget : mapping of str to float
        Amount of each resource in `RESOURCES`; ``bram`` counts the family's blocks.
    clock : Clock
        Limits.
    memories : tuple of Memory
        The first holds weights and KV cache.
    host : Host
        Runs what no block runs.
    reserve : mapping of str to float
        Taken by what has no generator yet; "reserved, not measured".
    reserve_note : str
        What the reserve is for.
    routing : Routing or None
        None where no open router exists: the clock is then an estimate.
    """

    name: str
    title: str
    family: str
    budget: Mapping[str, float] = field(hash=False)
    clock: Clock
    memories: tuple[Memory, ...]
    host: Host
    reserve: Mapping[str, float] = field(default_factory=dict, hash=False)
    reserve_note: str = ""
    routing: Routing | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ConfigError(
                f"unknown family {self.family!r}{did_you_mean(self.family, FAMILIES)}"
            )
        if not self.memories:
            raise ConfigError("memories is empty; add at least one [[memories]] table")
        for section in ("budget", "reserve"):
            self._check_resources(section)
        self._check_routing()

    def _check_resources(self, section: str) -> None:
        for name, amount in getattr(self, section).items():
            if name not in RESOURCES:
                raise ConfigError(f"{section}: unknown key {name!r}{did_you_mean(name, RESOURCES)}")
            if not amount >= 0:
                raise ConfigError(f"{section}: {name}={amount} makes no sense; use 0 or more")
            if section == "reserve" and amount > self.budget.get(name, 0):
                raise ConfigError(
                    f"reserve: {name}={amount:g} is more than the budget of "
                    f"{self.budget.get(name, 0):g}; lower the reserve or raise the budget"
                )

    def _check_routing(self) -> None:
        if self.routing is None:
            return
        wanted = ROUTERS.get(self.family)
        if wanted is None:
            raise ConfigError(
                f"routing: no open router exists for {self.family!r}; leave [routing] out"
            )
        if self.routing.harness != wanted:
            raise ConfigError(
                f"routing: harness={self.routing.harness!r} does not exist for {self.family!r}; "
                f"use {wanted!r}"
            )

    @property
    def memory(self) -> Memory:
        """The memory that holds weights and KV cache."""
        return self.memories[0]

    @property
    def bram_kbit(self) -> int:
        """Capacity of one block RAM, in kbit; 0 where the family has none."""
        return FAMILIES[self.family]

    @property
    def available(self) -> dict[str, float]:
        """Budget less reserve: what a design may use."""
        return {k: v - self.reserve.get(k, 0) for k, v in self.budget.items()}

    @classmethod
    def from_toml(cls, text: str, where: str) -> Target:
        """Return the target that `text` describes; `where` names it in messages."""
        try:
            return from_table(cls, tomllib.loads(text), where)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{where}: not TOML ({error}); mend that line") from None


def _builtin() -> dict[str, Any]:
    folder = files("boards") / "targets"
    paths = (path for path in folder.iterdir() if path.name.endswith(".toml"))
    return {path.name.removesuffix(".toml"): path for path in paths}


def _plugged() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="kiln.targets")}


def list_targets() -> tuple[str, ...]:
    """Return the names of all built-in and plugged-in targets, the default first."""
    names = set(_builtin()) | set(_plugged())
    return tuple(sorted(names, key=lambda name: (name != DEFAULT_TARGET, name)))


def _candidates(name: str) -> Iterator[Target]:
    if name in (builtin := _builtin()):
        yield Target.from_toml(builtin[name].read_text("utf-8"), f"{name}.toml")
    if name in (plugged := _plugged()):
        yield _from_plugin(plugged[name])


def _from_plugin(point: EntryPoint) -> Target:
    """Load an entry point: a Target, a path to a TOML file, or a function that returns one."""
    loaded = point.load()
    loaded = loaded() if callable(loaded) else loaded
    if isinstance(loaded, str | Path):
        return _from_file(Path(loaded))
    if not isinstance(loaded, Target):
        raise ConfigError(
            f"entry point {point.name!r} ({point.value}) gives {type(loaded).__name__}; "
            "let it give a boards.target.Target or the path of a TOML file"
        )
    return loaded


def _from_file(path: Path) -> Target:
    try:
        return Target.from_toml(path.read_text("utf-8"), str(path))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; give a TOML file") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a TOML file") from None


def load_target(name: str | Path = DEFAULT_TARGET) -> Target:
    """Return a target by name, or from the user's own file.

    Parameters
    ----------
    name : str or Path
        One of `list_targets()`, or a path that ends in ``.toml``.

    Raises
    ------
    ConfigError
        Unknown name (with the closest known one), unreadable file, or anything wrong in it.
    """
    if str(name).endswith(".toml"):
        return _from_file(Path(name))
    for target in _candidates(str(name)):
        return target
    raise ConfigError(f"unknown target {str(name)!r}{did_you_mean(str(name), list_targets())}")
