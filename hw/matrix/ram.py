"""Memories of the engine: one writer, one registered reader, never at the same word at once."""

from __future__ import annotations

from typing import Any

from amaranth.lib.memory import Memory

__all__ = ["ram"]


def ram(shape: Any, depth: int) -> Memory:
    """Return a memory whose reader never needs the word that is being written.

    Told so, synthesis leaves out the bypass around each block RAM that would keep the old word
    for that reader: a flop, a lookup table and most of a nanosecond per bit.
    """
    return Memory(shape=shape, depth=depth, init=[], attrs={"no_rw_check": 1})
