"""What samplers still miss after each measurement, as a picture for documents."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hw.contracts import ConfigError, write_atomic

from .compare import Comparison

__all__ = ["check_picture", "write_picture"]

_COLOURS = {
    "kiln": "#d9541e",
    "tpe": "#3f78bd",
    "gp": "#3a9e8d",
    "nsga2": "#a878c4",
    "random": "#98928b",
}
_FLOOR = 1e-3  # share of the hypervolume below which curves are not told apart


def check_picture(path: Path | None) -> None:
    """Raise `ConfigError` for a file ending that cannot be drawn, before anything has run."""
    if path is not None and path.suffix not in (".png", ".svg"):
        raise ConfigError(f"picture={path.name!r} is neither .png nor .svg; choose one of them")


def write_picture(found: Sequence[Comparison], path: Path) -> None:
    """Draw the mean gap of every sampler, its band from the best to the worst seed."""
    check_picture(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.4), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    for comparison in found:
        gaps = np.maximum(comparison.gaps, _FLOOR)
        steps = np.arange(1, gaps.shape[1] + 1)
        colour = _COLOURS.get(comparison.sampler, "#7d6b5d")
        axes.plot(steps, gaps.mean(axis=0), color=colour, label=comparison.sampler)
        axes.fill_between(steps, gaps.min(axis=0), gaps.max(axis=0), color=colour, alpha=0.12)
    axes.axhline(0.02, color="#211d19", linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.set_xlabel("designs measured")
    axes.set_ylabel("share of the true hypervolume missing")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(found))
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:])
    write_atomic(path, picture.getvalue())
