"""Dot products that reach every corner, and how they are run on model, oracle and Verilog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.export import ExportedDesign
from hw.mac import MacConfig, pack_elements, result_format, sums, unpack_results
from hw.numerics import NumberFormat
from sim.mac import Run, run_elements

from .oracle import dot

KINDS = ("any", "small", "largest", "special", "cancel", "zero", "sparse")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Dot products of one mode: codes ``[elements, lanes]``, and the elements of each."""

    mode: str
    A: NDArray[Any]
    B: NDArray[Any]
    lengths: NDArray[np.int64]
    output: str | None = None

    @property
    def last(self) -> NDArray[np.bool_]:
        found = np.zeros(len(self.A), dtype=np.bool_)
        found[np.cumsum(self.lengths) - 1] = True
        return found


def finite_codes(format: NumberFormat) -> NDArray[Any]:
    return format.codes[np.isfinite(format.decode(format.codes))]


def make_batch(
    config: MacConfig,
    mode: str,
    count: int,
    longest: int,
    seed: int,
    output: str | None = None,
) -> Batch:
    """Return dot products of all kinds in turn, of up to `longest` products."""
    rng = np.random.default_rng(seed)
    plan = config.plan.modes[config.mode(mode)]
    most = max(longest // plan.lanes, 1)
    lengths = np.exp(rng.uniform(0, np.log(most + 1), count)).astype(np.int64).clip(1, most)
    lengths[: min(2, count)] = (most, 1)[: min(2, count)]
    pieces = [
        _operands(plan.format, KINDS[i % len(KINDS)], n * plan.lanes, rng)
        for i, n in enumerate(lengths.tolist())
    ]
    A, B = (np.concatenate([p[side] for p in pieces]).reshape(-1, plan.lanes) for side in (0, 1))
    return Batch(mode, A, B, lengths, output)


def _operands(format: NumberFormat, kind: str, size: int, rng: Any) -> tuple[Any, Any]:
    finite = finite_codes(format)
    values = np.abs(format.decode(finite))
    a, b = rng.choice(finite, (2, size))
    if kind == "small":
        near = finite[values <= np.median(values)]
        a, b = rng.choice(near, (2, size))
    elif kind == "largest":
        top = finite[values == values.max()]
        a, b = rng.choice(top, size), np.full(size, top[0])
    elif kind == "special":
        at = rng.integers(0, size, 1 + size // 50)
        a[at] = rng.choice(format.codes, len(at))
        others = format.codes[~np.isfinite(format.decode(format.codes))]
        if len(others):
            b[at[:1]] = rng.choice(others, 1)
    elif kind == "cancel":
        half = size // 2
        order = rng.permutation(half)
        a[half : 2 * half] = format.encode(-format.decode(a[:half]))[order]
        b[half : 2 * half] = b[:half][order]
    elif kind == "zero":
        zero = finite[values == 0]
        a = rng.choice(zero, size)
    elif kind == "sparse":
        a[rng.random(size) < 0.8] = 0
    return a, b


def golden(config: MacConfig, batch: Batch) -> NDArray[Any]:
    found = sums(config, batch.mode, batch.A, batch.B, batch.lengths)
    return found.encode(result_format(config, batch.mode, batch.output))


def exact(config: MacConfig, batch: Batch) -> NDArray[Any]:
    """Return what the rational oracle says."""
    plan = config.plan.modes[config.mode(batch.mode)]
    format = result_format(config, batch.mode, batch.output)
    ends = np.cumsum(batch.lengths).tolist()
    left, right = batch.A.tolist(), batch.B.tolist()
    result, start = [], 0
    for end in ends:
        a, b = left[start:end], right[start:end]
        start = end
        if config.reduce:
            result.append(dot(config, plan, a, b).code(format))
        else:
            lanes = range(plan.lanes)
            parts = [([[x[i]] for x in a], [[y[i]] for y in b]) for i in lanes]
            result.append([dot(config, plan, x, y).code(format) for x, y in parts])
    return np.array(result)


def interleaved(config: MacConfig, batches: list[Batch]) -> tuple[Any, Any, list[tuple[int, int]]]:
    """Return the elements of dot products of all batches in turn, and which each result is."""
    words = [pack_elements(config, b.mode, b.A, b.B, output=b.output) for b in batches]
    starts = [np.cumsum(b.lengths) - b.lengths for b in batches]
    pieces, order = [], []
    for turn in range(max(len(b.lengths) for b in batches)):
        for which, batch in enumerate(batches):
            if turn < len(batch.lengths):
                at = starts[which][turn]
                pieces.append((which, slice(at, at + batch.lengths[turn])))
                order.append((which, turn))
    lasts = [batch.last for batch in batches]
    last = np.concatenate([lasts[which][part] for which, part in pieces])
    return np.concatenate([words[which][part] for which, part in pieces]), last, order


def verilog(
    design: ExportedDesign, config: MacConfig, batches: list[Batch], **peers: int
) -> tuple[list[NDArray[Any]], Run]:
    """Return the results of each batch, their dot products run in turn."""
    words, last, order = interleaved(config, batches)
    run = run_elements(design, words, last, **peers)
    assert len(run.words) == len(order)
    found = []
    which = np.array([batch for batch, _ in order])
    for index, batch in enumerate(batches):
        found.append(unpack_results(config, batch.mode, run.words[which == index]))
    return found, run


def all_pairs(config: MacConfig, mode: str) -> Batch:
    """Return every pair of codes as a dot product of its own, in the lanes in turn."""
    plan = config.plan.modes[config.mode(mode)]
    codes = plan.format.codes
    left, right = (part.ravel() for part in np.meshgrid(codes, codes, indexing="ij"))
    return single(config, mode, left, right)


def single(config: MacConfig, mode: str, left: Any, right: Any, output: str | None = None) -> Batch:
    """Return dot products of one pair each, in the lanes in turn, zeros beside it."""
    lanes = config.plan.modes[config.mode(mode)].lanes
    A, B = np.zeros((2, len(left), lanes), dtype=np.int64)
    at = np.arange(len(left))
    A[at, at % lanes], B[at, at % lanes] = left, right
    return Batch(mode, A, B, np.ones(len(left), dtype=np.int64), output)


def neighbours(
    config: MacConfig, mode: str, count: int, seed: int, output: str | None = None
) -> Batch:
    """Return dot products ``a * b - a' * b``, a' being next to a, in the lanes in turn.

    Each is one step of a times b, so short that rounding hides no bit of the two products.
    """
    plan = config.plan.modes[config.mode(mode)]
    rng = np.random.default_rng(seed)
    finite = finite_codes(plan.format)
    ordered = finite[np.argsort(plan.format.decode(finite), kind="stable")]
    at = rng.integers(1, len(ordered), count)
    minus = plan.format.encode(-plan.format.decode(ordered[at - 1]))
    A, B = np.zeros((2, 2 * count, plan.lanes), dtype=np.int64)
    row, lane = 2 * np.arange(count), np.arange(count) % plan.lanes
    A[row, lane], A[row + 1, lane] = ordered[at], minus
    B[row, lane] = B[row + 1, lane] = rng.choice(finite, count)
    return Batch(mode, A, B, np.full(count, 2), output)
