"""From a stimulus to the inputs of every cycle of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from boards.frozen import Frozen, Sources
from hw.contracts import ConfigError, did_you_mean
from sim.faults.original import Session, session

from .drawn import random_steps
from .python_file import is_reactive, load_stimulus, steps_of
from .resets import find_resets, reset_end
from .settings import Settings
from .vcd import vcd_steps

__all__ = ["RANDOM", "Played", "play", "play_kiln"]

RANDOM = "random"
_LIMIT = 1_000_000  # cycles of a stimulus without a time-out
_RANDOM_CYCLES = 1000

Step = Mapping[str, int]
Reactive = Callable[[dict[str, int]], Iterator[dict[str, int]]]


@dataclass(frozen=True, slots=True)
class Played:
    """Inputs of a run.

    Members
    -------
    steps : list of dict of str to int
        Inputs of every cycle.
    start : int
        First cycle that counts: reset has ended.
    told : str
        What the stimulus is, for reports.
    """

    steps: list[Step]
    start: int
    told: str

    def window(self, settings: Settings) -> range:
        """Return the cycles in which faults may begin.

        Raises
        ------
        ConfigError
            The declared window is not inside the run.
        """
        if settings.window is None:
            return range(self.start, len(self.steps))
        first, last = settings.window
        if last >= len(self.steps):
            raise ConfigError(
                f"{settings.source}: window = [{first}, {last}], but the run ends after cycle "
                f"{len(self.steps) - 1}; choose cycles of the run"
            )
        return range(first, last + 1)


def play(
    sources: Sources,
    netlist: Frozen,
    settings: Settings,
    stimulus: str,
    *,
    cycles: int = 0,
    seed: int = 0,
) -> Played:
    """Return the inputs that a user's stimulus gives.

    Parameters
    ----------
    stimulus : str
        A Python file, a ``.vcd``, or `RANDOM`.
    cycles : int
        Of a random stimulus.

    Raises
    ------
    ConfigError
        A stimulus that fails, does not fit, does not end, or never releases reset; a time-out
        that is not reached, or comes before the declared end.
    """
    resets = find_resets(netlist, settings)
    path = Path(stimulus)
    outputs: dict[str, int] | None = None
    if stimulus == RANDOM:
        count = cycles or settings.timeout or _RANDOM_CYCLES
        drawn = random_steps(netlist, count, seed=seed, resets=resets, hold=settings.hold)
        found, told = drawn, f"{count} random cycles, seed {seed}"
    elif path.suffix.lower() == ".vcd":
        found = iter(vcd_steps(path, netlist, scope=settings.vcd_scope))
        told = f"replay of {stimulus}"
    else:
        function = load_stimulus(path)
        outputs = {} if is_reactive(function) else None
        found, told = steps_of(path, function, outputs), stimulus
    steps = _run(sources, netlist, settings, found, outputs, told)
    return Played(steps, reset_end(steps, resets, netlist.top) if resets else 0, told)


def play_kiln(
    sources: Sources, netlist: Frozen, settings: Settings, job: Reactive, told: str
) -> Played:
    """Return the inputs of a job of one of Kiln's own designs."""
    outputs: dict[str, int] = {}
    steps = _run(sources, netlist, settings, job(outputs), outputs, told)
    return Played(steps, reset_end(steps, find_resets(netlist, settings), netlist.top), told)


def _run(
    sources: Sources,
    netlist: Frozen,
    settings: Settings,
    found: Iterator[dict[str, int]],
    outputs: dict[str, int] | None,
    told: str,
) -> list[Step]:
    """Return all steps; the design is played to whoever looks at its outputs."""
    widths = {port.name: len(port.bits) for port in netlist.inputs}
    watched = outputs is not None or settings.done
    partner = session(sources, netlist) if watched else nullcontext()
    steps: list[Step] = []
    left = -1  # cycles until the end, once it is known
    with partner as running:
        for given in _continued(found, forever=bool(settings.done)):
            if len(steps) == (settings.timeout or _LIMIT):
                raise ConfigError(_late(settings, told, len(steps)))
            step = {**settings.hold, **given}
            _check(netlist, widths, step, len(steps), told)
            steps.append(step)
            if isinstance(running, Session):
                seen = running.step(step)
                if outputs is not None:
                    outputs.update(seen)
                if settings.done and left < 0 and seen[settings.done]:
                    left = settings.drain + 1
            left -= left > 0
            if left == 0:
                return steps
    if not steps:
        raise ConfigError(f"{told} has no cycles; yield inputs, at least once")
    if len(steps) < settings.timeout:
        raise ConfigError(
            f"{settings.source}: timeout = {settings.timeout} is never reached: {told} ends after "
            f"{len(steps)} cycles; leave it out, or name the output that ends a run by done"
        )
    return steps


def _continued(found: Iterator[dict[str, int]], *, forever: bool) -> Iterator[dict[str, int]]:
    """Yield all steps, and then, if so, the last one without end."""
    step: dict[str, int] | None = None
    for step in found:
        yield step
    while forever and step is not None:
        yield step


def _late(settings: Settings, told: str, cycles: int) -> str:
    if settings.done:
        return (
            f"{settings.source}: {settings.done!r} is 1 in none of the {cycles} cycles before the "
            "time-out, which would end the run without a fault as well; raise timeout, or mend "
            f"{told}"
        )
    return f"{told} has not ended after {cycles} cycles; end it, or raise timeout"


def _check(netlist: Frozen, widths: Mapping[str, int], step: Step, cycle: int, told: str) -> None:
    for name, value in step.items():
        if name == netlist.clock:
            raise ConfigError(
                f"{told}, cycle {cycle}: {name!r} is the clock, which runs by itself; leave it out"
            )
        if name not in widths:
            raise ConfigError(
                f"{told}, cycle {cycle}: {name!r} is no input of {netlist.top}"
                f"{did_you_mean(name, widths)}"
            )
        if not 0 <= value < 1 << widths[name]:
            raise ConfigError(
                f"{told}, cycle {cycle}: {name}={value} does not fit its {widths[name]} bits; "
                f"give 0 to {(1 << widths[name]) - 1}"
            )
