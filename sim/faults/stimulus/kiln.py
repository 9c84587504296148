"""Jobs of Kiln's own designs as stimuli: what the design's test bench feeds, at full speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.contracts import ConfigError
from sim.faults.experiment import Observation, Watched

if TYPE_CHECKING:
    from hw.mac import MacConfig
    from hw.matrix import MatrixConfig

__all__ = ["default_shape", "kiln_job", "kiln_observation"]

_RESET, _IDLE, _LIMIT = 3, 16, 1_000_000
_DOTS = 6  # dot products of each mode, for multiply-accumulate units

Beats = Mapping[str, Sequence[Mapping[str, int]]]
"""By the stem of a stream (``s_axis_a``), the signals of each of its beats."""


def kiln_job(
    config: Any, *, shape: tuple[int, int, int] | None = None, mode: str = "", seed: int = 0
) -> Callable[[dict[str, int]], Iterator[dict[str, int]]]:
    """Return a reactive stimulus: one job from reset to its last result, and some idle cycles.

    Parameters
    ----------
    config : MatrixConfig or MacConfig
        The design.
    shape : (m, k, n), optional
        The matrix product; by default two tiles wide and a little more than one high, without
        ragged columns.
    mode : str
        Number format of a mixed-precision engine; its first one by default.

    Raises
    ------
    ConfigError
        A design whose jobs are not known here.
    """
    from hw.mac import MacConfig
    from hw.matrix import MatrixConfig

    if isinstance(config, MatrixConfig):
        beats, results = _matrix(config, shape, mode, seed)
    elif isinstance(config, MacConfig):
        beats, results = _mac(config, seed)
    else:
        raise ConfigError(
            f"{type(config).__name__} has no job of its own yet; give --stimulus and --verilog"
        )
    return lambda outputs: _played(beats, results, outputs)


def kiln_observation(config: Any, observation: Observation) -> Observation:
    """Return the observation of a Kiln design, with the widths of the numbers in its results."""
    from hw.matrix import MatrixConfig

    if not isinstance(config, MatrixConfig) or config.formats:
        return observation
    lane = -(-config.result_bits // 8) * 8
    data = tuple(
        Watched(w.port, w.valid, w.ready, lane, True) if w.port == "m_axis_tdata" else w
        for w in observation.data
    )
    return Observation(data, observation.control, observation.detectors, observation.correctors)


def default_shape(config: MatrixConfig) -> tuple[int, int, int]:
    """Return the matrix product of a job of which nothing is said."""
    return config.rows + 1, config.rows + 3, 2 * config.cols


def _matrix(
    config: MatrixConfig, shape: tuple[int, int, int] | None, mode: str, seed: int
) -> tuple[Beats, int]:
    from sim.cosim import GemmCase
    from sim.cosim.package import result_beats

    m, k, n = shape or default_shape(config)
    job = config.plan(m, k, n, mode) if mode else config.plan(m, k, n)
    A, B = config.random(job, np.random.default_rng(seed))
    results, _ = result_beats(config, GemmCase(job=job, A=A, B=B))
    bits = config.numbers.port_bits
    beats = {
        "s_axis_cmd": [{"tdata": config.descriptor(job)}],
        "s_axis_a": [{"tdata": _word(row, bits)} for row in config.pack_a(job, A)],
        "s_axis_b": [{"tdata": _word(row, bits)} for row in config.pack_b(job, B)],
    }
    return beats, len(results)


def _mac(config: MacConfig, seed: int) -> tuple[Beats, int]:
    from sim.mac import random_stimulus

    found = random_stimulus(config, _DOTS, seed=seed)
    beats = [{"tdata": data, "tlast": last} for data, last in found.elements]
    return {"s_axis": beats}, len(found.expected)


def _word(lanes: Any, bits: int) -> int:
    mask = (1 << bits) - 1
    return sum((int(value) & mask) << (bits * lane) for lane, value in enumerate(lanes))


def _played(beats: Beats, results: int, outputs: dict[str, int]) -> Iterator[dict[str, int]]:
    """Offer the beats of all streams as fast as they are taken, until all results have come."""
    for _ in range(_RESET):
        yield {"aresetn": 0, "m_axis_tready": 1}
    at = dict.fromkeys(beats, 0)
    came, idle = 0, 0
    for _ in range(_LIMIT):
        step = {"aresetn": 1, "m_axis_tready": 1}
        for stem, all_beats in beats.items():
            if at[stem] < len(all_beats):
                step |= {f"{stem}_{name}": v for name, v in all_beats[at[stem]].items()}
                step[f"{stem}_tvalid"] = 1
        yield step
        for stem in beats:
            at[stem] += step.get(f"{stem}_tvalid", 0) & outputs.get(f"{stem}_tready", 1)
        came += outputs["m_axis_tvalid"]
        idle += came >= results
        if idle > _IDLE:
            return
    raise ConfigError(f"{came} of {results} results came in {_LIMIT} cycles; is the design whole?")
