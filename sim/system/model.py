"""Latency and throughput of a whole trace on many designs at once: closed form, vectorised.

Two steps. What depends on the array and its buffers alone is computed once per distinct
combination of those knobs (`terms`); clock, memory and operand width follow per design, in
chunks that stay in the cache (`timing`): GEMMs of one row on designs with the same array all at
once (`vectors`), others one by one. A single design is an array of length one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boards.memory import Memory
from boards.target import Target
from hw.contracts import OperatorKind, Phase

from .distinct import distinct_rows, first_rows
from .fit import memory_fill
from .host import host_of, host_seconds
from .phases import PhaseTerms
from .shapes import TraceLike, gemm_shapes, job_shape
from .space import STRUCTURE
from .terms import FLAGS, KNOBS, JobTerms, job_terms
from .timing import MemoryView, job_cycles, view_memory
from .vectors import VECTOR_KNOBS, is_vector, vector_cycles, vector_terms, view_ports

__all__ = ["TraceModel", "memory_view"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 16384  # designs, of which one number each stays in the cache some ten times
BLOCK = 512  # designs, of which one number for every context does
REFRESH_INTERVAL_US = 7.8  # tREFI of JEDEC DRAM up to 85 degrees; as in MemoryTiming.at_clock


class TraceModel:
    """Closed-form model of one trace on one target, over a set of matrix-engine designs.

    Parameters
    ----------
    trace : Trace
        Operator records. GEMMs run on the engine one after another, each waiting for the one
        before; everything else runs on the target's host.
    target : Target
        Gives memory and host.
    columns : mapping of str to array
        `FIELDS` of the designs, equally long (`space_columns`, `config_columns`).
    """

    def __init__(
        self, trace: TraceLike, target: Target, columns: Mapping[str, NDArray[Any]]
    ) -> None:
        self.trace, self.target = trace, target
        self.columns = dict(columns)
        self.shapes = gemm_shapes(trace.operators)
        if STRUCTURE in columns:
            first, self._structure = first_rows(columns[STRUCTURE]), columns[STRUCTURE]
        else:
            first, self._structure = distinct_rows(columns, KNOBS)
        structures = {name: np.asarray(columns[name])[first] for name in KNOBS}
        vector = is_vector(self.shapes, structures["a_depth"])
        self._jobs = self.shapes.where(~vector)
        self._terms = job_terms(self._jobs, structures)
        arrays, self._array = distinct_rows(structures, VECTOR_KNOBS)
        knobs = {name: structures[name][arrays] for name in VECTOR_KNOBS}
        self._vectors = vector_terms(self.shapes.where(vector), knobs)
        self._grid = _grid(self._structure, self._array)
        self._host = host_seconds(host_of(target), trace.operators)
        gemms = (op for op in trace.operators if op.kind is OperatorKind.GEMM)
        self._steps = float(sum(prod(job_shape(op)) * op.count for op in gemms))

    def __len__(self) -> int:
        return len(self._structure)

    def engine_cycles(
        self, clock_mhz: ArrayLike, points: Ints | None = None
    ) -> tuple[Floats, Floats]:
        """Return the engine's cycles of all prefill and of all decode GEMMs.

        Parameters
        ----------
        clock_mhz : float or array
            Clock of every design, or of every one of `points`.
        points : array of int, optional
            Designs to evaluate; all, if left out.
        """
        grid = self._grid
        clock = np.asarray(clock_mhz, dtype=np.float64)
        if points is not None:
            order = np.argsort(self._array[self._structure[points]], kind="stable")
            grid = np.asarray(points, dtype=np.int64)[None, order]
            clock = clock[order] if clock.ndim else clock
        elif clock.ndim:
            clock = clock[grid]
        clock = np.broadcast_to(clock, grid.shape)
        cycles = np.zeros((len(Phase), *grid.shape))
        step = max(1, CHUNK // len(grid))
        for start in range(0, grid.shape[1], step):
            part = np.s_[:, start : start + step]
            structure = self._structure[grid[0, start : start + step]]
            view = self._view(grid[part], clock[part])
            self._add_jobs(structure, view, cycles[:, *part])
            self._add_vectors(structure, view, cycles[:, *part])
        flat = cycles.reshape(len(Phase), -1)
        back = grid.reshape(-1) if points is None else order
        prefill, decode = np.empty_like(flat)
        prefill[back], decode[back] = flat
        return prefill, decode

    def _add_jobs(self, structure: Ints, view: MemoryView, into: Floats) -> None:
        where = _as_slice(structure)
        for index, terms in enumerate(self._terms):
            total = job_cycles(_take(terms, where), view).total
            for weights, sums in zip((self._jobs.prefill, self._jobs.decode), into, strict=True):
                if weights[index]:
                    sums += float(weights[index]) * total

    def _add_vectors(self, structure: Ints, view: MemoryView, into: Floats) -> None:
        """Add the jobs of one row, of neighbours with the same array at once."""
        array, ports = self._array[structure], view_ports(view)
        for start, stop in _runs(array, max(1, BLOCK // len(view.wait))):
            part = into[..., start:stop]
            here = ports[..., start:stop].reshape(*ports.shape[:2], -1)
            wait = view.wait[:, start:stop].reshape(-1)
            part += vector_cycles(self._vectors[array[start]], here, wait).reshape(part.shape)

    def _view(self, points: Ints, clock: Floats) -> MemoryView:
        columns = {
            name: self.columns[name][points]
            for name in ("rows", "cols", "operand_bits", "accum_bits")
        }
        return memory_view(self.target.memory, columns, clock)

    def evaluate(
        self,
        clock_mhz: ArrayLike,
        *,
        power_mw: ArrayLike | None = None,
        area: ArrayLike | None = None,
        points: Ints | None = None,
    ) -> dict[str, Floats]:
        """Return every quantity of the trace per design; all arrays belong to the same designs.

        Members of the result
        ---------------------
        latency_ms, ttft_ms, tpot_ms : array
            Per request (per batch, where the trace has one).
        tokens_per_s : array
            Generated tokens of all sequences over all the time.
        prefill_engine_ms, decode_engine_ms, prefill_host_ms, decode_host_ms : array
            Their parts: of all prefills, and of all decode steps.
        engine_cycles, utilisation : array
            Engine's cycles of the whole trace; useful share of its multipliers meanwhile.
        memory_fill : array
            Weights and KV cache as a share of the memory.
        energy_j, tokens_per_joule : array
            Per request, with `power_mw` as the average over it; if given.
        tokens_per_s_per_area : array
            With `area`, if given.
        """
        prefill, decode = self.engine_cycles(clock_mhz, points)
        clock = np.asarray(clock_mhz, dtype=np.float64)
        figures = self._times(prefill, decode, clock)
        shape = prefill.shape
        where = slice(None) if points is None else points
        cells = self.columns["rows"][where] * self.columns["cols"][where]
        figures["engine_cycles"] = prefill + decode
        figures["utilisation"] = self._steps / (cells * np.maximum(1.0, prefill + decode))
        figures["memory_fill"] = self._fill(np.asarray(self.columns["operand_bits"])[where])
        if power_mw is not None:
            figures["energy_j"] = np.asarray(power_mw) * figures["latency_ms"] / 1e6
            generated = figures["tokens_per_s"] * figures["latency_ms"] / 1e3
            figures["tokens_per_joule"] = generated / figures["energy_j"]
        if area is not None:
            figures["tokens_per_s_per_area"] = figures["tokens_per_s"] / np.asarray(area)
        return {name: np.broadcast_to(value, shape) for name, value in figures.items()}

    def _times(self, prefill: Floats, decode: Floats, clock: Floats) -> dict[str, Floats]:
        trace, host = self.trace, self._host
        runs = max(1, trace.prefills)
        engine_prefill, engine_decode = prefill / clock / 1e3, decode / clock / 1e3
        first = engine_prefill + host[Phase.PREFILL] * 1e3
        later = engine_decode + host[Phase.DECODE] * 1e3
        tokens = trace.batch * (trace.prefills + trace.decode_steps)
        return {
            "latency_ms": (first + later) / runs,
            "ttft_ms": first / runs,
            "tpot_ms": later / max(1, trace.decode_steps),
            "tokens_per_s": tokens * 1e3 / (first + later),
            "prefill_engine_ms": engine_prefill,
            "decode_engine_ms": engine_decode,
            "prefill_host_ms": np.asarray(host[Phase.PREFILL] * 1e3),
            "decode_host_ms": np.asarray(host[Phase.DECODE] * 1e3),
        }

    def _fill(self, operand_bits: Ints) -> Floats:
        fills = np.zeros(int(operand_bits.max(initial=0)) + 1)
        for bits in np.flatnonzero(np.bincount(operand_bits)):
            fills[bits] = memory_fill(self.trace, self.target, int(bits))
        return fills[operand_bits]


def memory_view(
    memory: Memory,
    columns: Mapping[str, NDArray[Any]],
    clock_mhz: ArrayLike,
) -> MemoryView:
    """Return `memory` as seen by designs at their clocks; as `MemoryTiming.at_clock` rounds."""
    clock = np.asarray(clock_mhz, dtype=np.float64)
    element = -(-columns["accum_bits"] // 8)
    rate = memory.channels * memory.bytes_per_cycle * memory.clock_mhz / clock
    refresh = memory.refresh_fraction
    interval = np.maximum(2, np.rint(REFRESH_INTERVAL_US * clock)) if refresh else 0 * clock
    return view_memory(
        a_bytes=-(-columns["rows"] * columns["operand_bits"] // 8),
        b_bytes=-(-columns["cols"] * columns["operand_bits"] // 8),
        row_bytes=columns["cols"] * element,
        bytes_per_cycle=rate,
        latency=np.maximum(1, np.rint(memory.latency_ns * clock / 1e3)),
        refresh_interval=interval,
        refresh_cycles=np.rint(refresh * interval),
    )


def _grid(structure: Ints, array: Ints) -> Ints:
    """Return all designs as a matrix whose columns share a structure, those of an array together.

    Where structures have different numbers of designs, one row holds them all.
    """
    if (np.diff(array) < 0).any():
        rank = np.empty_like(array)
        rank[np.argsort(array, kind="stable")] = np.arange(len(array))
        structure = rank[structure]
    order = _argsort(structure)
    counts = np.bincount(structure)
    if (counts == counts[0]).all():
        return np.ascontiguousarray(order.reshape(len(counts), -1).T)
    return order[None]


def _argsort(numbers: Ints) -> Ints:
    """Return the stable order of numbers from 0 up: by radix, as numpy does 16 bits."""
    order: Ints = np.argsort(numbers.astype(np.uint16), kind="stable")
    if numbers.max(initial=0) >> 16:
        high = (numbers >> 16).astype(np.uint16)
        order = order[np.argsort(high[order], kind="stable")]
    return order


def _runs(numbers: Ints, longest: int) -> Iterator[tuple[int, int]]:
    """Return start and stop of runs of equal numbers, long ones in pieces."""
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for start, stop in pairwise(bounds):
        for first in range(start, stop, longest):
            yield first, min(first + longest, stop)


def _as_slice(index: Ints) -> slice | Ints:
    """Return a slice where `index` ascends by ones: it needs no copies."""
    if len(index) and index[-1] - index[0] == len(index) - 1 and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _take(terms: JobTerms, where: slice | Ints) -> JobTerms:
    phases = terms.phases and PhaseTerms(*(field[where] for field in terms.phases))
    fields = {name: value[where] for name, value in terms._asdict().items() if name not in FLAGS}
    return terms._replace(**fields, phases=phases)
