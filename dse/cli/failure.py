"""What the command line says when something fails, and with which exit code it ends."""

from __future__ import annotations

import errno
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from .console import note

__all__ = ["INTERRUPTED", "Interrupted", "guard"]

INTERRUPTED = 130  # what shells report for Ctrl-C


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what the user can do next as its message."""


@contextmanager
def guard(debug: bool = False) -> Iterator[None]:
    """Turn every exception into a message with a next step and an exit code.

    0 done, 1 failed, 2 wrong usage, 130 interrupted. With `debug` unexpected ones pass through.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        note(str(error) or "Interrupted. What was finished is kept.", style="yellow")
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        if _belongs_to_typer(error):
            _say_did_you_mean(error)
            raise
        if debug:
            raise
        _fail(error)


def _belongs_to_typer(error: Exception) -> bool:
    """Whether `error` is Typer's own (usage, exit), or a pipe whose reader has gone."""
    broken_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE
    usage = hasattr(error, "format_message")  # the base class is not public in every version
    return broken_pipe or usage or isinstance(error, typer.Exit | typer.Abort)


def _say_did_you_mean(error: Exception) -> None:
    """Word the suggestions for a mistyped option as all other suggestions are worded."""
    known = getattr(error, "possibilities", None)
    if known:
        error.message = f"{error.message}; did you mean {' or '.join(sorted(known))}?"  # type: ignore[attr-defined]
        error.possibilities = None  # type: ignore[attr-defined]


def _fail(error: Exception) -> NoReturn:
    code = getattr(error, "exit_code", None)  # a KilnError; its message ends in the next step
    if isinstance(code, int):
        note(f"error: {error}", style="red")
        raise typer.Exit(code) from None
    note(f"error: {type(error).__name__}: {error}".rstrip(": "), style="red")
    note(_next_step(error))
    raise typer.Exit(1) from None


def _next_step(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "Not enough memory; lower --jobs or --budget, or close other programs."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full; make room and run the same command again: it goes on from here."
    if isinstance(error, OSError) and error.filename:
        return f"Check that {error.filename} is there and that you may read and write it."
    again = shlex.join(["dse", "--debug", *sys.argv[1:]])
    return f"This should not happen. See where: {again}; tools and versions: dse doctor"
