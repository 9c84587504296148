"""What a user declares of a campaign on his own design, in a small TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from boards.frozen import Frozen
from hw.contracts import ConfigError, did_you_mean
from sim.faults.experiment import Observation, Watched, observe

__all__ = ["Settings", "read_settings"]

_WATCHED = tuple(item.name for item in fields(Watched))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Declarations; what is left out follows from the names of ports.

    Members
    -------
    clock, reset : str
        Input ports. `reset_active` is ``"high"`` or ``"low"``.
    data, control, detectors, correctors : sequences
        As of `Observation`; data outputs are names or tables of `Watched`'s members.
    ignore : sequence of str
        Outputs that are not looked at.
    timeout : int
        Cycles after which a run ends at the latest.
    done : str
        Output that ends a run, `drain` cycles after it was 1 first. It counts as control.
    window : (int, int)
        First and last cycle in which a fault begins; by default from the end of reset to the end.
    within : int or None
        Cycles in which a detector must fire after the first wrong output.
    allow_unknown : bool
        Take X at outputs as 0.
    vcd_scope : str
        Where the ports are in a VCD, such as ``tb.dut``.
    hold : mapping of str to int
        Inputs that keep a value whenever the stimulus does not name them.
    tags : mapping of str to str
        Structure by prefix of the hierarchical name.
    """

    clock: str = ""
    reset: str = ""
    reset_active: str = ""
    data: tuple[Watched, ...] | None = None
    control: tuple[str, ...] | None = None
    detectors: tuple[str, ...] | None = None
    correctors: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    timeout: int = 0
    done: str = ""
    drain: int = 16
    window: tuple[int, int] | None = None
    within: int | None = None
    allow_unknown: bool = False
    vcd_scope: str = ""
    hold: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def observation(self, netlist: Frozen) -> Observation:
        """Return what is observed: what is declared, else what `observe` finds.

        Raises
        ------
        ConfigError
            A name that is no port of the netlist.
        """
        self._check_ports(netlist)
        found = observe(netlist)
        detectors = found.detectors if self.detectors is None else self.detectors
        correctors = found.correctors if self.correctors is None else self.correctors
        said = {*detectors, *correctors, *self.ignore, *([self.done] if self.done else [])}
        said |= {w.port for w in self.data or ()} | set(self.control or ())
        data = self.data if self.data is not None else found.data
        control = self.control if self.control is not None else found.control
        if self.data is None:
            data = tuple(watched for watched in data if watched.port not in said)
        if self.control is None:
            control = tuple(name for name in control if name not in said)
        if self.done and self.done not in control:
            control = (*control, self.done)
        roles = [*(watched.port for watched in data), *control, *detectors, *correctors]
        twice = sorted({name for name in roles if roles.count(name) > 1})
        if twice:
            raise ConfigError(
                f"{self.source}: {', '.join(twice)} is named twice among data, control, detectors "
                "and correctors; name it once"
            )
        if not data and not control:
            raise ConfigError(
                f"{self.source or netlist.top}: no output is left to look at; name one in data or "
                "control"
            )
        return Observation(data, control, detectors, correctors)

    def _check_ports(self, netlist: Frozen) -> None:
        outputs = [port.name for port in netlist.outputs]
        inputs = [port.name for port in netlist.inputs_and_clock]
        wanted = [("ignore", name, outputs) for name in self.ignore]
        wanted += [(key, n, outputs) for key in _NAMES for n in getattr(self, key) or ()]
        wanted += [("data", w.port, outputs) for w in self.data or ()]
        wanted += [
            ("data", name, [*outputs, *inputs])
            for w in self.data or ()
            for name in (w.valid, w.ready)
            if name
        ]
        wanted += [("done", self.done, outputs)] if self.done else []
        wanted += [("clock", self.clock, inputs)] if self.clock else []
        wanted += [("reset", self.reset, inputs)] if self.reset else []
        wanted += [("hold", name, inputs) for name in self.hold]
        for key, name, known in wanted:
            if name not in known:
                what = "output" if known is outputs else "port"
                raise ConfigError(
                    f"{self.source}: {key} names {name!r}, which is no {what} of {netlist.top}"
                    f"{did_you_mean(name, known)}"
                )
        widths = {port.name: len(port.bits) for port in netlist.ports if port.name != netlist.clock}
        for watched in self.data or ():
            for name in (watched.valid, watched.ready):
                if name and widths.get(name) != 1:
                    raise ConfigError(
                        f"{self.source}: {watched.port} counts with {name!r}, which is no signal "
                        "of one bit; name one"
                    )
            if watched.field_bits and widths[watched.port] % watched.field_bits:
                raise ConfigError(
                    f"{self.source}: {watched.port} has {widths[watched.port]} bits, which are no "
                    f"whole number of fields of {watched.field_bits}; mend field_bits"
                )
        if self.clock and self.clock != netlist.clock:
            raise ConfigError(
                f"{self.source}: clock = {self.clock!r}, but {netlist.top} is clocked by "
                f"{netlist.clock or 'nothing'!r}; mend that line"
            )


_NAMES = ("control", "detectors", "correctors")


def read_settings(path: Path | None) -> Settings:
    """Return what a file declares; defaults without one.

    Raises
    ------
    ConfigError
        A file that is missing or no TOML, an unknown key, or a value of the wrong sort. The
        message names the file.
    """
    if path is None:
        return Settings()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; give a TOML file of observation points"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML ({error}); mend that line") from None
    known = [item.name for item in fields(Settings) if item.name != "source"]
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}{did_you_mean(key, known)}")
    values = {key: _value(path, key, value) for key, value in table.items()}
    return Settings(source=str(path), **values)


def _value(path: Path, key: str, value: Any) -> Any:
    if key == "data":
        return tuple(_watched(path, item) for item in _list(path, key, value, (str, dict)))
    if key in (*_NAMES, "ignore"):
        return tuple(_list(path, key, value, (str,)))
    if key == "window":
        ends = tuple(_list(path, key, value, (int,)))
        _require(
            len(ends) == 2 and 0 <= ends[0] <= ends[-1], path, key, value, "[first, last] cycle"
        )
        return ends
    if key in ("timeout", "drain", "within"):
        _require(_whole(value), path, key, value, "a number of cycles")
    elif key == "allow_unknown":
        _require(isinstance(value, bool), path, key, value, "true or false")
    elif key == "hold":
        good = isinstance(value, dict) and all(_whole(v) for v in value.values())
        _require(good, path, key, value, "a table of whole numbers")
    elif key == "tags":
        good = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
        _require(good, path, key, value, "a table of names")
    elif key == "reset_active":
        _require(value in ("high", "low"), path, key, value, '"high" or "low"')
    else:
        _require(isinstance(value, str), path, key, value, "a name in quotes")
    return value


def _watched(path: Path, item: Any) -> Watched:
    if isinstance(item, str):
        return Watched(item)
    for key in item:
        if key not in _WATCHED:
            raise ConfigError(f"{path}: data: unknown key {key!r}{did_you_mean(key, _WATCHED)}")
    _require(isinstance(item.get("port"), str), path, "data", item, '{port = "name", ...}')
    for key, value in item.items():
        if key == "signed":
            _require(isinstance(value, bool), path, f"data.{key}", value, "true or false")
        elif key == "field_bits":
            good = _whole(value) and value <= 64
            _require(good, path, f"data.{key}", value, "a number of bits, 64 at most")
        else:
            _require(isinstance(value, str), path, f"data.{key}", value, "a name in quotes")
    return Watched(**item)


def _list(path: Path, key: str, value: Any, kinds: tuple[type, ...]) -> list[Any]:
    good = isinstance(value, list) and all(isinstance(item, kinds) for item in value)
    _require(good, path, key, value, "a list")
    return list(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require(holds: bool, path: Path, key: str, value: Any, wanted: str) -> None:
    if not holds:
        raise ConfigError(f"{path}: {key} = {value!r} is not understood; write {wanted}")
