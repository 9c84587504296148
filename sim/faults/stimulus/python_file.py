"""Stimuli written in Python: a generator function that yields inputs per cycle."""

from __future__ import annotations

import inspect
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError

__all__ = ["Generator", "load_stimulus", "steps_of"]

Generator = Callable[..., Iterator[Any]]
_NAME = "stimulus"


def load_stimulus(path: Path) -> Generator:
    """Return the function ``stimulus`` of a Python file.

    Raises
    ------
    ConfigError
        The file is missing, fails, or has no such function of no or one parameter.
    """
    if not path.is_file():
        raise ConfigError(f"--stimulus: {path} is missing; give a Python file, a VCD, or `random`")
    sys.path.insert(0, str(path.parent))  # for modules beside it, as when Python runs the file
    try:
        found = runpy.run_path(str(path)).get(_NAME)
    except (Exception, SystemExit) as error:
        raise ConfigError(_told(path, error)) from None
    finally:
        sys.path.remove(str(path.parent))
    if not callable(found):
        raise ConfigError(
            f"{path}: there is no function {_NAME!r}; write `def {_NAME}():` that yields a "
            "dictionary of inputs for each cycle"
        )
    if len(inspect.signature(found).parameters) > 1:
        raise ConfigError(
            f"{path}: {_NAME} has several parameters; leave none, or one, which is given the "
            "outputs of the cycle before"
        )
    function: Generator = found
    return function


def is_reactive(function: Generator) -> bool:
    """Return whether a function wants the design's outputs."""
    return len(inspect.signature(function).parameters) == 1


def steps_of(
    path: Path, function: Generator, outputs: dict[str, int] | None = None
) -> Iterator[dict[str, int]]:
    """Yield the inputs of each cycle, as whole numbers.

    Parameters
    ----------
    outputs : dict
        Given to a function with a parameter; whoever plays the inputs keeps it up to date.
    """
    try:
        source = iter(function(outputs) if outputs is not None else function())
    except (Exception, SystemExit) as error:
        raise ConfigError(_told(path, error)) from None
    cycle = 0
    while True:
        try:
            step = next(source)
        except StopIteration:
            return
        except (Exception, SystemExit) as error:
            raise ConfigError(_told(path, error)) from None
        yield _checked(path, cycle, step)
        cycle += 1


def _checked(path: Path, cycle: int, step: Any) -> dict[str, int]:
    if not isinstance(step, Mapping):
        raise ConfigError(
            f"{path}: cycle {cycle} yields {step!r}; yield a dictionary of inputs, such as "
            '{"rst": 1}'
        )
    found = {}
    for name, value in step.items():
        if not isinstance(name, str) or not hasattr(value, "__index__"):
            raise ConfigError(
                f"{path}: cycle {cycle} yields {name!r}: {value!r}; give names of inputs and whole "
                "numbers"
            )
        found[name] = value.__index__()
    return found


def _told(path: Path, error: BaseException) -> str:
    """Return what went wrong, with the line of the file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == str(path)]  # fmt: skip
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f"{path}:{lines[-1]}" if lines else str(path)
    return f"{where}: {type(error).__name__}: {error}; mend the stimulus"
