"""Hypervolume and its expected gain, against Monte Carlo and a brute-force front."""

from __future__ import annotations

import numpy as np
import pytest

from dse.explore.pareto import expected_gain, front_layers, hypervolume, is_front


def dominated(points: np.ndarray, samples: np.ndarray) -> np.ndarray:
    return (points[None, :, :] <= samples[:, None, :]).all(axis=2).any(axis=1)


def random_front(seed: int, dims: int, count: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).random((count, dims))


def test_front_keeps_exactly_the_points_nobody_dominates():
    points = random_front(1, 3, 200)
    brute = [not any((q <= p).all() and (q < p).any() for q in points) for p in points]
    assert is_front(points).tolist() == brute


def test_front_keeps_one_of_equal_points_and_no_infinite_one():
    points = np.array([[1.0, 2.0], [1.0, 2.0], [np.inf, 0.0]])
    assert is_front(points).tolist() == [True, False, False]


def test_layers_peel_one_front_after_another():
    points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert front_layers(points, 2).tolist() == [0, 1, -1]


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_hypervolume_agrees_with_monte_carlo(dims):
    points = random_front(dims, dims)
    samples = np.random.default_rng(9).random((200_000, dims))
    assert hypervolume(points, np.ones(dims)) == pytest.approx(
        dominated(points, samples).mean(), abs=0.005
    )


def test_points_beyond_the_reference_add_nothing():
    assert hypervolume(np.array([[2.0, 0.1]]), np.ones(2)) == 0.0


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_certain_gain_is_the_difference_of_two_hypervolumes(dims):
    front, candidates = random_front(3, dims, 8), random_front(4, dims, 20)
    reference = np.ones(dims)
    gain = expected_gain(candidates, np.zeros_like(candidates), front, reference)
    truth = [
        hypervolume(np.vstack([front, c]), reference) - hypervolume(front, reference)
        for c in candidates
    ]
    assert gain == pytest.approx(truth, abs=1e-9)


def test_expected_gain_agrees_with_monte_carlo():
    front, reference = random_front(5, 3, 6), np.ones(3)
    mean, sigma = np.full((1, 3), 0.4), np.full((1, 3), 0.2)
    rng = np.random.default_rng(6)
    before = hypervolume(front, reference)
    draws = [
        hypervolume(np.vstack([front, rng.normal(mean[0], sigma[0])]), reference) - before
        for _ in range(4000)
    ]
    error = 4 * np.std(draws) / np.sqrt(len(draws))
    assert expected_gain(mean, sigma, front, reference)[0] == pytest.approx(
        np.mean(draws), abs=error
    )
