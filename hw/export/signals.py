"""Arithmetic on signals as tuples of chunks: width, slices, extension, concatenation."""

from __future__ import annotations

from collections.abc import Iterable

from .rtlil import Chunk, Sig

__all__ = ["extend", "join", "part", "replace_part", "width_of"]


def width_of(sig: Sig) -> int:
    """Return the width in bits."""
    return sum(chunk.width for chunk in sig)


def join(chunks: Iterable[Chunk]) -> Sig:
    """Concatenate, least significant first, and merge neighbouring bits of one wire."""
    merged: list[Chunk] = []
    for chunk in chunks:
        last = merged[-1] if merged else None
        if not chunk.width:
            continue
        if last is None or last.wire != chunk.wire:
            merged.append(chunk)
        elif not chunk.wire:
            merged[-1] = Chunk("", last.low | chunk.low << last.width, last.width + chunk.width)
        elif last.low + last.width == chunk.low:
            merged[-1] = Chunk(last.wire, last.low, last.width + chunk.width)
        else:
            merged.append(chunk)
    return tuple(merged)


def part(sig: Sig, low: int, width: int) -> Sig:
    """Return `width` bits from bit `low`, or as many as there are."""
    chunks = []
    for chunk in sig:
        start, stop = max(low, 0), min(low + width, chunk.width)
        if start < stop:
            chunks.append(_cut(chunk, start, stop - start))
        low -= chunk.width
    return join(chunks)


def _cut(chunk: Chunk, start: int, width: int) -> Chunk:
    if chunk.wire:
        return Chunk(chunk.wire, chunk.low + start, width)
    return Chunk("", chunk.low >> start & ((1 << width) - 1), width)


def replace_part(sig: Sig, low: int, value: Sig) -> Sig:
    """Return `sig` with the bits from `low` on replaced by `value`."""
    top = low + width_of(value)
    return join((*part(sig, 0, low), *value, *part(sig, top, width_of(sig) - top)))


def extend(sig: Sig, width: int, *, signed: bool) -> Sig:
    """Return `sig` cut or extended to `width`: by its highest bit if `signed`, else by zeros."""
    missing = width - width_of(sig)
    if missing <= 0:
        return part(sig, 0, width)
    if signed and sig:
        top = part(sig, width_of(sig) - 1, 1)
        return join(sig + top * missing)
    return join((*sig, Chunk("", 0, missing)))
