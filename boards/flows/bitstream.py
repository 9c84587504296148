"""A bitstream of one engine in its harness: routed on a board's real pins and clock, and packed.

The engine's streams are hundreds of wires, and what would feed them, a bus and a memory controller,
has no generator yet. So the bitstream holds the engine between a scan chain and a parity chain, on
the board's clock and two pins. It proves that the engine fits, routes at the board's clock and
loads; no model runs on it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from boards.cache import Cache, Entry, cache_key
from boards.pool import run_tool
from boards.target import Target
from boards.tools import ToolError, require_tool
from hw.contracts import ConfigError, scratch_folder
from hw.export import ExportedDesign

from .harness import HARNESS_FILE, HARNESS_TOP, harness
from .prepare import prepared
from .routing import REPORT_FILE, ROUTING_LIMIT_S, check_fits
from .scripts import FLAT_FILE, MAPPED_FILE, flatten_script
from .synthesis import Progress, run_yosys, synthesis

__all__ = ["Bitstream", "Pins", "bitstream", "board_pins"]

_PORTS = ("clk", "si", "so")


@dataclass(frozen=True, slots=True)
class _Family:
    """How a family is built: its packer, and names and options of what the router exchanges."""

    packer: str
    suffix: str
    constraints: str
    constraints_option: str
    routed: str
    routed_option: str


_FAMILIES = {
    "ecp5": _Family("ecppack", ".bit", "pins.lpf", "--lpf", "routed.config", "--textcfg"),
    "ice40": _Family("icepack", ".bin", "pins.pcf", "--pcf", "routed.asc", "--asc"),
}
_PACKED = "packed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """Where the harness meets a board.

    Parameters
    ----------
    clk, si, so : str
        Pins of clock, scan chain and parity.
    clock_mhz : float
        What the board feeds to `clk`.
    load : str
        Command that loads a bitstream, without its file.
    """

    clk: str
    si: str
    so: str
    clock_mhz: float
    load: str

    def constraints(self, family: str) -> str:
        """Return them as the family's router reads them."""
        places = [(port, getattr(self, port)) for port in _PORTS]
        if family == "ice40":
            return "".join(f"set_io {port} {pin}\n" for port, pin in places)
        lines = [
            f'LOCATE COMP "{port}" SITE "{pin}";\nIOBUF PORT "{port}" IO_TYPE=LVCMOS33;\n'
            for port, pin in places
        ]
        return "".join([*lines, f'FREQUENCY PORT "clk" {self.clock_mhz:g} MHZ;\n'])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitstream:
    """What a board loads.

    Members
    -------
    data : bytes
        The bitstream.
    suffix : str
        ``.bit`` or ``.bin``.
    clock_mhz : float
        What the routed design reaches, harness and pins included.
    pins : Pins
        The board's.
    sources : mapping of str to str
        Harness and constraints by file name.
    log : Path
        What router and packer printed.
    """

    data: bytes
    suffix: str
    clock_mhz: float
    pins: Pins
    sources: Mapping[str, str]
    log: Path


def board_pins(target: Target) -> Pins:
    """Return the pins of a board; refuse a target of which none are known."""
    known = tomllib.loads((files("boards") / "pins.toml").read_text("utf-8"))
    if target.routing is None or target.name not in known:
        why = "no open router exists for it" if target.routing is None else "its pins are not known"
        raise ConfigError(
            f"no bitstream can be made for {target.name!r}: {why}; "
            f"use --board with one of {', '.join(known)}"
        )
    return Pins(**known[target.name])


def bitstream(
    design: ExportedDesign,
    target: Target,
    seed: int = 1,
    *,
    cache: Cache | None = None,
    timeout_s: float = ROUTING_LIMIT_S,
    progress: Progress | None = None,
) -> Bitstream:
    """Make a bitstream of `design` for the board `target`, or recall it from the cache.

    Raises
    ------
    ConfigError
        No bitstream can be made for the target, or the design is larger than the part.
    ToolError
        A tool is missing, failed or ran out of time, or the design misses the board's clock.
    """
    pins = board_pins(target)
    cache = Cache() if cache is None else cache
    mapped = synthesis(design, target, cache=cache, timeout_s=timeout_s, progress=progress)
    check_fits(mapped.metrics, target)
    family = _FAMILIES[target.family]
    sources = {
        HARNESS_FILE: harness(design, target.family),
        family.constraints: pins.constraints(target.family),
    }
    build = _Build(target, mapped.netlist, sources, _options(target, pins, seed))

    def make() -> Entry:
        return build.run(timeout_s, progress)

    entry = cache.remember("bitstream", build.key, make)
    return Bitstream(
        data=entry.files[_PACKED],
        suffix=family.suffix,
        clock_mhz=_fast_enough(entry.payload["clock_mhz"], pins, target),
        pins=pins,
        sources=sources,
        log=cache.log_path("bitstream", build.key),
    )


class _Build:
    """From a mapped netlist to a bitstream, tool by tool."""

    def __init__(
        self, target: Target, netlist: str, sources: Mapping[str, str], options: list[str]
    ) -> None:
        self._family = _FAMILIES[target.family]
        self._router = require_tool(f"nextpnr-{target.family}")
        self._packer = require_tool(self._family.packer)
        self._script = flatten_script(HARNESS_TOP, HARNESS_FILE, family=target.family)
        self._netlist, self._sources, self._options = netlist, sources, options

    @property
    def key(self) -> str:
        """Everything that the bitstream depends on."""
        return cache_key(
            netlist=self._netlist,
            script=self._script,
            sources=dict(self._sources),
            options=self._options,
            tools=[self._router.identity, self._packer.identity],
        )

    def run(self, timeout_s: float, progress: Progress | None) -> Entry:
        inputs = {MAPPED_FILE: self._netlist, HARNESS_FILE: self._sources[HARNESS_FILE]}
        yosys = require_tool("yosys")
        _, made = run_yosys(yosys, self._script, inputs, (FLAT_FILE,), timeout_s, progress)
        prepared(self._router.name, progress)
        constraints = self._family.constraints
        with scratch_folder() as folder:
            (folder / FLAT_FILE).write_bytes(made[FLAT_FILE])
            (folder / constraints).write_text(self._sources[constraints], "utf-8")
            logs = [
                run_tool(name, command, folder=folder, timeout_s=timeout_s, progress=progress).log
                for name, command in self._commands()
            ]
            report = json.loads((folder / REPORT_FILE).read_text("utf-8"))
            packed = (folder / _PACKED).read_bytes()
        reached = min(clock["achieved"] for clock in report["fmax"].values())
        return Entry(payload={"clock_mhz": reached}, log="\n".join(logs), files={_PACKED: packed})

    def _commands(self) -> list[tuple[str, list[str]]]:
        """Return router and packer with their arguments."""
        family = self._family
        exchanged = [family.constraints_option, family.constraints]
        exchanged += [family.routed_option, family.routed]
        return [
            (self._router.name, [*self._router.command, *self._options, *exchanged]),
            (self._packer.name, [*self._packer.command, family.routed, _PACKED]),
        ]


def _options(target: Target, pins: Pins, seed: int) -> list[str]:
    assert target.routing is not None  # `board_pins` refused it otherwise
    speed = ["--speed", target.routing.speed] if target.routing.speed else []
    return [
        *(f"--{target.routing.device}", "--package", target.routing.package, *speed),
        *("--freq", f"{pins.clock_mhz:g}", "--seed", str(seed), "--timing-allow-fail"),
        *("--json", FLAT_FILE, "--report", REPORT_FILE),
    ]


def _fast_enough(reached_mhz: float, pins: Pins, target: Target) -> float:
    if reached_mhz < pins.clock_mhz:
        raise ToolError(
            f"routed at {reached_mhz:.1f} MHz, and the clock of {target.name} is "
            f"{pins.clock_mhz:g} MHz; try another --seed, or a design with more pipeline registers"
        )
    return reached_mhz
