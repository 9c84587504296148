"""What the measurements so far say about the model's error: a small Gaussian process.

The closed-form model predicts the logarithm of LUT, clock and power. Each measurement gives the
logarithm of measured over predicted; a Gaussian process over the knobs carries that ratio to
designs nearby, with an uncertainty that is wide where nothing was measured. Length scale,
amplitude and noise are chosen by marginal likelihood on a fixed grid, so that the result is
deterministic. Noise is what no knob explains, such as the luck of a placement: a new measurement
has it too, so it is part of every prediction's uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

__all__ = ["Correction", "fit_correction"]

Floats = NDArray[np.float64]

_LENGTHS = (0.6, 1.2, 2.4, 4.8)
_AMPLITUDES = (0.5, 1.0, 2.0)
_NOISES = (0.005, 0.02, 0.05)  # log-ratios: rounding of counts, up to seed noise of placement
_USUAL_NOISE = 0.02


@dataclass(frozen=True)
class Correction:
    """Posterior of one figure's log-ratio.

    Parameters
    ----------
    points : array of shape (n, knobs)
        Knobs of the measured designs, each scaled to 0..1.
    prior : float
        Standard deviation of the log-ratio before anything was measured.
    """

    points: Floats
    log_ratio: Floats
    prior: float
    length: float
    amplitude: float
    noise: float = _USUAL_NOISE

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the log-ratio at `points` (m, knobs)."""
        scale = self.prior * self.amplitude
        if not len(self.points):
            return np.zeros(len(points)), np.full(len(points), self.prior)
        factor = cho_factor(self.covariance())
        cross = _covariance(points, self.points, self.length, scale)
        mean = cross @ cho_solve(factor, self.log_ratio)
        explained = np.einsum("ij,ji->i", cross, cho_solve(factor, cross.T))
        # Bias and local part each carry `scale`, so the prior variance is twice its square.
        variance = np.maximum(2 * scale**2 - explained, 0.0) + self.noise**2
        return mean, np.sqrt(variance)

    def covariance(self) -> Floats:
        """Return the covariance of the measurements, noise included."""
        scale = self.prior * self.amplitude
        clean = _covariance(self.points, self.points, self.length, scale)
        return clean + self.noise**2 * np.eye(len(self.points))


def fit_correction(points: Floats, log_ratio: Floats, prior: float) -> Correction:
    """Return the correction of greatest marginal likelihood among the fixed grid of scales."""
    options = [
        Correction(points, log_ratio, prior, length, amplitude / np.sqrt(2), noise)
        for length, amplitude, noise in product(_LENGTHS, _AMPLITUDES, _NOISES)
    ]
    if len(points) < 3:
        # Too few to choose by. The model errs alike on designs alike: were neighbours thought
        # independent, a first batch would gamble on near-copies of one design.
        return Correction(points, log_ratio, prior, _LENGTHS[-1], 1 / np.sqrt(2))
    return max(options, key=_log_likelihood)


def _log_likelihood(fit: Correction) -> float:
    factor = cho_factor(fit.covariance())
    return float(
        -0.5 * fit.log_ratio @ cho_solve(factor, fit.log_ratio) - np.log(np.diag(factor[0])).sum()
    )


def _covariance(left: Floats, right: Floats, length: float, scale: float) -> Floats:
    """Squared exponential over the knobs plus a bias that all designs share."""
    distance = ((left[:, None, :] - right[None, :, :]) ** 2).sum(axis=2)
    covariance: Floats = scale**2 * (1.0 + np.exp(-0.5 * distance / length**2))
    return covariance
