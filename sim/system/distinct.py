"""Equal rows of columns: what depends on some knobs only is computed once for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct_rows", "first_rows"]

Ints = NDArray[np.int64]

_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, without structure: the golden ratio's bits


def distinct_rows(columns: Mapping[str, NDArray[Any]], names: Iterable[str]) -> tuple[Ints, Ints]:
    """Return one row of each distinct combination in order of first use, and each row's number."""
    numbers = [
        np.asarray(columns[name] == "ws" if name == "dataflow" else columns[name], dtype=np.uint64)
        for name in names
    ]
    key = np.zeros(len(numbers[0]), dtype=np.uint64)
    for number in numbers:
        key = key * _MIX + number
        key ^= key >> np.uint64(29)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    if any((number[first][inverse] != number).any() for number in numbers):  # a hash collision
        stacked = np.stack(numbers, axis=1)
        _, first, inverse = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(first, kind="stable")
    place = np.empty_like(rank)
    place[rank] = np.arange(len(rank))
    return first[rank], place[inverse.reshape(-1)]


def first_rows(numbers: Ints) -> Ints:
    """Return the first row of each number; all numbers up to the largest must occur."""
    first = np.empty(int(numbers.max()) + 1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return first
