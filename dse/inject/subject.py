"""What is attacked: a frozen netlist, inputs for it, what counts, and the names of its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from boards.frozen import Frozen, Sources, freeze, sources_of
from dse.designs import DesignFolder
from hw.contracts import ConfigError
from sim.faults.experiment import Experiment
from sim.faults.stimulus import (
    Played,
    Settings,
    kiln_job,
    kiln_observation,
    play,
    play_kiln,
    read_settings,
)
from sim.faults.structures import structures

__all__ = ["Subject", "kiln_subject", "verilog_subject"]


@dataclass(frozen=True)
class Subject:
    """A design under attack.

    Members
    -------
    sources : Sources
        Its Verilog.
    experiment : Experiment
        Netlist, inputs, observation.
    played : Played
        Where the inputs come from.
    settings : Settings
        What the user declared.
    config : Block or None
        A Kiln design's configuration.
    """

    sources: Sources
    experiment: Experiment
    played: Played
    settings: Settings
    config: Any = None

    @property
    def netlist(self) -> Frozen:
        return self.experiment.netlist

    @property
    def structure(self) -> Callable[[str], str]:
        """Structure of each hierarchical name."""
        return structures(self.config, self.settings.tags)

    @cached_property
    def identity(self) -> dict[str, object]:
        """What outcomes depend on, apart from the engine."""
        inputs = repr([sorted(step.items()) for step in self.experiment.inputs])
        return {
            "design": _digest(repr(self.netlist)),
            "stimulus": _digest(inputs),
            "observation": _digest(repr(self.experiment.observation)),
            "structures": _digest(repr([type(self.config).__name__, self.settings.tags])),
        }


def verilog_subject(
    files: Sequence[Path],
    top: str,
    stimulus: str,
    *,
    observe: Path | None = None,
    includes: Sequence[Path] = (),
    defines: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    cycles: int = 0,
    seed: int = 0,
) -> Subject:
    """Return a user's own design.

    Raises
    ------
    ConfigError
        What is wrong with the sources, the stimulus or the file of observation points.
    """
    settings = read_settings(observe)
    sources = sources_of(files, includes=includes, defines=defines, parameters=parameters)
    netlist = freeze(sources, top)
    _require_state(netlist)
    observation = settings.observation(netlist)
    played = play(sources, netlist, settings, stimulus, cycles=cycles, seed=seed)
    return Subject(sources, Experiment(netlist, played.steps, observation), played, settings)


def kiln_subject(
    folder: Path,
    *,
    observe: Path | None = None,
    shape: tuple[int, int, int] | None = None,
    mode: str = "",
    seed: int = 0,
) -> Subject:
    """Return a design of a run, as its folder holds it, with a job of its own."""
    settings, design = read_settings(observe), DesignFolder(folder)
    config = design.config
    sources = sources_of(design.verilog)
    netlist = freeze(design.verilog, design.top)
    _require_state(netlist)
    observation = kiln_observation(config, settings.observation(netlist))
    job = kiln_job(config, shape=shape, mode=mode, seed=seed)
    size = "x".join(map(str, shape)) if shape else "default size"
    played = play_kiln(sources, netlist, settings, job, f"a job of {size}, seed {seed}")
    experiment = Experiment(netlist, played.steps, observation)
    return replace(Subject(sources, experiment, played, settings), config=config)


def _require_state(netlist: Frozen) -> None:
    if not netlist.clock:
        raise ConfigError(
            f"{netlist.top}: no clock found: it has no flip-flop and no memory; give a design "
            "with state as --top"
        )
    observed = [port for port in netlist.outputs if port.bits]
    if not observed:
        raise ConfigError(f"{netlist.top} has no outputs, so that no fault can be seen; add one")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
