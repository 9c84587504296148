"""What is hardened: the variants of a design of Kiln's, or of anyone's Verilog."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from boards.frozen import Frozen, freeze, sources_of, write_verilog
from boards.protect import map_sky130, with_plain_enables
from dse.designs import DesignFolder
from dse.inject import verilog_subject
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MatrixConfig
from sim.faults.experiment import Step
from sim.faults.stimulus import kiln_job, play_kiln, read_settings
from sim.faults.structures import structures

from .options import Variant

__all__ = ["Target", "engine_structure", "kiln_target", "matrix_target", "verilog_target"]

_CHECKSUM = re.compile(
    r"\.pe_sum|\.row_sum|\.column_sum|\.unpaid|\.a_differs|results\.(part|offered|row_differs|so_far|ended"
    r"|column\d+_differs)|stage\.sum\b"
)
Shape = tuple[int, int, int]
_TAIL = 8


@dataclass(frozen=True)
class Target:
    """A design to harden: its variants, the first as it is, and the structures of its names."""

    variants: tuple[Variant, ...]
    structure: Callable[[str], str]


def verilog_target(
    files: Sequence[Path],
    top: str,
    stimulus: str,
    *,
    observe: Path | None = None,
    includes: Sequence[Path] = (),
    defines: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    cycles: int = 0,
    seed: int = 0,
) -> Target:
    """Return a user's own design; each instance is a structure, unless `observe` says otherwise.

    What counts, detectors, window and time-out are those of `observe`, as for `dse inject`.
    """
    subject = verilog_subject(
        files, top, stimulus, observe=observe, includes=includes, defines=defines,
        parameters=parameters, cycles=cycles, seed=seed,
    )  # fmt: skip
    window = subject.played.window(subject.settings)
    plain = _variant("", subject.netlist, subject.experiment.inputs, window.start)
    variant = replace(
        plain,
        window=range(window.start, max(window.start + 1, min(window.stop, plain.window.stop))),
        observation=subject.experiment.observation,
        within=subject.settings.within,
    )
    return Target((variant,), subject.structure)


def kiln_target(folder: Path, *, shape: Shape | None = None, seed: int = 0) -> Target:
    """Return a design of a run; of output-stationary engines of integers also with checksums."""
    design = DesignFolder(folder)
    return matrix_target(design.config, design.top, shape=shape, seed=seed)


def matrix_target(config: object, top: str, *, shape: Shape | None = None, seed: int = 0) -> Target:
    """Return a matrix engine, with and without checksums."""
    if not isinstance(config, MatrixConfig):
        raise ConfigError(
            f"{type(config).__name__} cannot be hardened as a design yet; give its Verilog, "
            "--verilog FILE --top NAME --stimulus FILE"
        )
    kinds = [""]
    if config.dataflow == "os" and not config.formats and config.checksum == "none":
        kinds.append("row")
    found = []
    for kind in kinds:
        built = replace(config, checksum=kind) if kind else config
        text = export(built, top).verilog
        netlist, sources = freeze(text, top), sources_of(text)
        played = play_kiln(
            sources, netlist, read_settings(None), kiln_job(built, shape=shape, seed=seed), "a job"
        )
        name = f"checksum={kind!r}" if kind else ""
        found.append(_variant(name, netlist, played.steps, played.start))
    return Target(tuple(found), engine_structure(config))


def engine_structure(config: MatrixConfig) -> Callable[[str], str]:
    """Return the structure of each name; the checksum's own registers are a structure apart."""
    known = structures(config)

    def structure(name: str) -> str:
        if _CHECKSUM.search(name):
            return "checksum"
        return "result buffer" if ".stage.beat_data" in name else known(name)

    return structure


def _variant(name: str, netlist: Frozen, inputs: Sequence[Step], start: int) -> Variant:
    text = write_verilog(with_plain_enables(netlist), synthesis=True)
    mapped = map_sky130(text, netlist.top, flat=True)
    # Detectors speak after what they saw; nothing begins in the cycles that they would need.
    last = max(start + 1, len(inputs) - _TAIL)
    return Variant(
        name=name,
        netlist=netlist,
        inputs=inputs,
        window=range(start, last),
        area_um2=mapped.area_um2,
        macro_area_um2=mapped.macro_area_um2,
        period_ns=mapped.period_ns,
        gates=mapped.gates,
        mapped=mapped,
    )
