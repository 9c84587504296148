"""Pareto fronts, hypervolume and its exact expected gain, all from one box decomposition.

Everything is minimised. The non-dominated part of the box below the reference point is cut into
disjoint axis-aligned boxes by slicing along the last objective (the "hypervolume by slicing
objectives" idea of While et al. 2006); in each box, the expected gain of an independent Gaussian
is a product of one-dimensional closed forms (Yang et al. 2019, "Multi-objective Bayesian global
optimization using expected hypervolume improvement gradient").
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["expected_gain", "front_layers", "hypervolume", "is_front", "open_boxes"]

Floats = NDArray[np.float64]


def is_front(points: Floats) -> NDArray[np.bool_]:
    """Return which rows of `points` (n, d) no other row dominates; of equal rows the first stays.

    Rows with a non-finite entry are never on the front.
    """
    points = np.asarray(points, dtype=float)
    keep: NDArray[np.bool_] = np.isfinite(points).all(axis=1).reshape(-1)
    order = np.lexsort(points.T[::-1])
    front: list[int] = []
    for index in order:
        if not keep[index]:
            continue
        if front and (points[front] <= points[index]).all(axis=1).any():
            keep[index] = False
        else:
            front.append(int(index))
    return keep


def front_layers(points: Floats, layers: int) -> NDArray[np.int64]:
    """Return for each row the front it lies on (0 is the best), or -1 beyond `layers` fronts."""
    points = np.asarray(points, dtype=float)
    rank = np.full(len(points), -1, dtype=np.int64)
    left = np.arange(len(points))
    for layer in range(layers):
        on_front = is_front(points[left])
        rank[left[on_front]] = layer
        left = left[~on_front]
        if not len(left):
            break
    return rank


def open_boxes(front: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Return lower and upper corners (boxes, d) of the region that `front` leaves undominated.

    Lower corners may be -inf. Points of `front` outside the reference box are ignored.
    """
    reference = np.asarray(reference, dtype=float)
    front = np.asarray(front, dtype=float).reshape(-1, len(reference))
    front = front[(front < reference).all(axis=1)]
    boxes = _slice(front, reference)
    corners = np.array(boxes, dtype=float).reshape(-1, 2, len(reference))
    return corners[:, 0], corners[:, 1]


def _slice(front: Floats, reference: Floats) -> list[tuple[list[float], list[float]]]:
    """Cut along the last objective; in each slab only the points below it dominate."""
    if len(reference) == 1:
        best = float(front[:, 0].min()) if len(front) else float(reference[0])
        return [([-np.inf], [best])]
    cuts = [-np.inf, *np.unique(front[:, -1]).tolist(), float(reference[-1])]
    boxes = []
    for low, high in pairwise(cuts):
        active = front[front[:, -1] <= low, :-1]
        active = active[is_front(active)] if len(active) else active
        for lower, upper in _slice(active, reference[:-1]):
            boxes.append(([*lower, low], [*upper, high]))
    return boxes


def hypervolume(front: Floats, reference: Floats) -> float:
    """Return the volume that `front` dominates below `reference`."""
    reference = np.asarray(reference, dtype=float)
    front = np.asarray(front, dtype=float).reshape(-1, len(reference))
    front = front[(front < reference).all(axis=1)]
    if not len(front):
        return 0.0
    floor = front.min(axis=0)
    lower, upper = open_boxes(front, reference)
    sides = np.maximum(upper, floor) - np.maximum(lower, floor)
    return float(np.prod(reference - floor) - np.prod(sides, axis=1).sum())


def expected_gain(mean: Floats, sigma: Floats, front: Floats, reference: Floats) -> Floats:
    """Return the expected hypervolume gain of each candidate, exactly.

    Parameters
    ----------
    mean, sigma : array of shape (candidates, d)
        Independent Gaussian predictions of the objectives; ``sigma`` 0 is allowed.
    front : array of shape (points, d)
        Objectives measured so far.
    reference : array of shape (d,)
        Worst point still of interest.
    """
    lower, upper = open_boxes(front, reference)
    gain = np.zeros(len(mean))
    sigma = np.maximum(sigma, 1e-12)
    for low, high in zip(lower, upper, strict=True):
        gain += np.prod(_below(high, mean, sigma) - _below(low, mean, sigma), axis=1)
    return gain


def _below(edge: Floats, mean: Floats, sigma: Floats) -> Floats:
    """Return E[max(edge - Y, 0)] for Y ~ N(mean, sigma); 0 where `edge` is -inf."""
    finite = np.isfinite(edge)
    z = (np.where(finite, edge, 0.0) - mean) / sigma
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.where(finite, sigma * (z * ndtr(z) + density), 0.0)
