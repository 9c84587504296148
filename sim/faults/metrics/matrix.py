"""Patterns of wrong results of the matrix engine, from values that the lanes engine records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.matrix import MatrixConfig
from sim.faults.experiment import Step, Watched
from sim.faults.lanes import LanesEngine

from .patterns import WRONG, Patterns, harvest

__all__ = ["matrix_patterns", "wrong_numbers"]

_PIECE = 64


def wrong_numbers(
    values: NDArray[np.void],
    output: int,
    counts: NDArray[np.bool_],
    *,
    field_bits: int,
    signed: bool = True,
) -> NDArray[np.void]:
    """Return the wrong numbers of one output, as `WRONG`.

    Parameters
    ----------
    values : array of `lanes.VALUE`
        Wrong pieces of 64 bits.
    output : int
        Number of the output.
    counts : array of bool, ``[cycles]``
        In which cycles the output counts; the beats are these, in order.
    field_bits : int
        Width of the numbers that lie in it side by side: 8, 16, 32 or 64.
    """
    if field_bits not in (8, 16, 32, 64):
        raise ConfigError(f"field_bits={field_bits}; numbers of 8, 16, 32 or 64 bits are read")
    own = values[(values["output"] == output) & counts[values["cycle"]]]
    beats = np.cumsum(counts) - 1
    kind = np.dtype(f"{'i' if signed else 'u'}{field_bits // 8}").newbyteorder("<")
    fields = _PIECE // field_bits
    found = np.zeros((len(own), fields), dtype=WRONG)
    found["fault"], found["beat"] = own["fault"][:, None], beats[own["cycle"]][:, None]
    found["field"] = own["piece"][:, None] * fields + np.arange(fields)
    for name in ("want", "got"):
        words = np.ascontiguousarray(own[name], dtype="<u8").view(kind)
        found[name] = words.reshape(-1, fields)
    flat = found.ravel()
    return np.asarray(flat[flat["want"] != flat["got"]])


def matrix_patterns(
    engine: LanesEngine, faults: NDArray[np.void], config: MatrixConfig, job: Any
) -> Patterns:
    """Return what faults do to the tile of results of one `job` of a matrix engine.

    Each fault that makes a result wrong has one pattern, whether or not control went wrong as well.
    """
    netlist = engine.experiment.netlist
    number, watched = _results(engine)
    counts = _counts(engine.trace(), engine.experiment.inputs, watched)
    lane = -(-config.result_bits // 8) * 8
    values = engine.values(faults)
    wrong = wrong_numbers(values, number, counts, field_bits=lane)
    fields = len(netlist.outputs[number].bits) // lane
    rows, columns, (height, width) = _places(config, job, int(counts.sum()), fields)

    def place(
        beats: NDArray[np.int64], at: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return rows[beats, at], columns[beats, at]

    return harvest(wrong, place, bits=config.result_bits, rows=height, columns=width)


def _results(engine: LanesEngine) -> tuple[int, Watched]:
    outputs = [port.name for port in engine.experiment.netlist.outputs]
    for watched in engine.experiment.observation.data:
        if watched.port == "m_axis_tdata":
            return outputs.index(watched.port), watched
    raise ConfigError("m_axis_tdata is not watched; results are taken from there")


def _counts(trace: Sequence[Step], inputs: Sequence[Step], watched: Watched) -> NDArray[np.bool_]:
    names = [name for name in (watched.valid, watched.ready) if name]
    steps = zip(trace, inputs, strict=True)
    return np.array(
        [all(out.get(name, given.get(name, 0)) for name in names) for out, given in steps]
    )


def _places(
    config: MatrixConfig, job: Any, beats: int, fields: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[int, int]]:
    """Return row and column of each number of each beat; -1 where it is no result."""
    numbers = np.arange(beats * fields, dtype=np.int64).reshape(beats, fields)
    matrix = np.asarray(config.unpack(job, numbers))
    rows, columns = np.full((2, beats * fields), -1, dtype=np.int64)
    rows[matrix] = np.arange(matrix.shape[0])[:, None]
    columns[matrix] = np.arange(matrix.shape[1])
    shape = (beats, fields)
    return rows.reshape(shape), columns.reshape(shape), (matrix.shape[0], matrix.shape[1])
