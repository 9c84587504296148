"""Critical paths of ten mapped arrays: compact table, the PDK's Liberty file, and OpenSTA.

Run ``python -m bench.sky130_paths``. The Liberty file is found through ``KILN_SKY130_LIB``, or as
``../shared/pdk/sky130hd_tt.lib.gz`` beside the checkout. OpenSTA (``sta``, Debian's ``opensta``)
reads the same netlists with the Liberty file where it is installed; it has no buffer trees, so
that ours are left out there, and it is told to forget the file's default wire load.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.limits import missed
from boards.flows import synthesis
from boards.flows.synthesis import run_yosys
from boards.liberty import Library, read_liberty
from boards.netlist import Netlist, read_netlist
from boards.sky130 import library, usable
from boards.target import load_target
from boards.timing import analyse
from boards.tools import require_tool
from dse.benchmark.pairs import Pair, PairTable, write_pairs
from hw.export import export
from hw.matrix import MatrixConfig

__all__ = ["DESIGNS", "Paths", "find_liberty", "main", "measure", "opensta_version", "title"]

ARRAY = "kiln_matrix_array"


def _engine(text: str, pipeline: int) -> MatrixConfig:
    """Return an engine; `text` is ``rows cols dataflow bits``."""
    rows, cols, dataflow, bits = text.split()
    return MatrixConfig(
        rows=int(rows),
        cols=int(cols),
        dataflow=dataflow,
        operand_bits=int(bits),
        accum_bits=40 if bits == "16" else 32,
        pipeline=pipeline,
        result_rows=2 * int(rows),
    )


DESIGNS = (
    _engine("2 2 os 4", 0),
    _engine("2 2 os 8", 0),
    _engine("2 2 os 8", 1),
    _engine("2 4 os 4", 1),
    _engine("2 2 os 16", 1),
    _engine("2 2 ws 4", 1),
    _engine("2 2 ws 8", 0),
    _engine("4 2 ws 8", 1),
    _engine("3 3 ws 4", 0),
    _engine("2 2 ws 16", 2),
)

_SCRIPT = """\
read_liberty {liberty}
read_verilog {verilog}
link_design {top}
create_clock -name c -period 100 [get_ports clk]
set_clock_transition 0.06 [get_clocks c]
set_input_transition 0.06 [all_inputs]
report_checks -from [all_registers -clock_pins] -to [all_registers -data_pins] -digits 4
exit
"""


@dataclass(frozen=True, slots=True)
class Paths:
    """Longest register-to-register path in ns; `opensta_ns` is None where it is not installed.

    `bare_ns` is the compact table's without buffer trees, to set beside OpenSTA.
    """

    compact_ns: float
    full_ns: float
    bare_ns: float
    opensta_ns: float | None


def find_liberty() -> Path | None:
    """Return the PDK's Liberty file if this machine has it."""
    chosen = os.environ.get("KILN_SKY130_LIB")
    beside = Path(__file__).parents[2] / "shared" / "pdk" / "sky130hd_tt.lib.gz"
    path = Path(chosen) if chosen else beside
    return path if path.is_file() else None


def opensta_version() -> str | None:
    """Return the version of ``sta``, or None."""
    if not shutil.which("sta"):
        return None
    return subprocess.run(["sta", "-version"], capture_output=True, text=True).stdout.strip()


def measure(config: MatrixConfig, liberty: Path) -> Paths:
    """Time the array of one engine by all means at hand."""
    mapped = synthesis(export(config), load_target("sky130")).netlist
    netlist = read_netlist(mapped, top=ARRAY)
    compact, full = library(), read_liberty(liberty, keep=usable)
    return Paths(
        analyse(netlist, compact).register_ns,
        analyse(netlist, full).register_ns,
        _bare(netlist, compact),
        _opensta(mapped, liberty) if opensta_version() else None,
    )


def _bare(netlist: Netlist, cells: Library) -> float:
    return analyse(netlist, cells, buffered=False).register_ns


def _opensta(mapped: str, liberty: Path) -> float:
    script = [f"read_json m.json; hierarchy -top {ARRAY}", "write_verilog -noattr -noexpr m.v"]
    _, files = run_yosys(require_tool("yosys"), script, {"m.json": mapped}, ("m.v",), 60)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.v").write_bytes(files["m.v"])
        data = liberty.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
        (folder / "cells.lib").write_text(re.sub(r"default_wire_load\w* :.*", "", text))
        names = {"liberty": folder / "cells.lib", "verilog": folder / "m.v", "top": ARRAY}
        (folder / "run.tcl").write_text(_SCRIPT.format(**names))
        command = ["sta", "-no_splash", "-exit", str(folder / "run.tcl")]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    return _path_ns(found.stdout)


def _path_ns(report: str) -> float:
    """Return arrival plus set-up time of the path that OpenSTA reports."""
    arrival = re.search(r"([\d.]+)\s+data arrival time", report)
    setup = re.search(r"(-?[\d.]+)\s+[\d.]+\s+library setup time", report)
    if arrival is None or setup is None:
        raise RuntimeError(f"OpenSTA reports no path between registers:\n{report}")
    return float(arrival[1]) - float(setup[1])


def rows() -> Iterator[tuple[MatrixConfig, Paths]]:
    """Yield every engine with its paths; nothing where the Liberty file is missing."""
    if liberty := find_liberty():
        for config in DESIGNS:
            yield config, measure(config, liberty)


def _keep(found: list[tuple[MatrixConfig, Paths]]) -> Sequence[Pair]:
    """Keep both comparisons for ``docs/calibration.md``; return the pairs of both."""
    command, mine = "python -m bench.sky130_paths", "estimated by Kiln's static timing"

    def pairs(said: str, other: str) -> list[Pair]:
        return [
            Pair(
                figure="critical path",
                target="sky130",
                design=title(config),
                said=getattr(paths, said),
                found=getattr(paths, other),
            )
            for config, paths in found
            if getattr(paths, other)
        ]

    tables = PairTable(
        title="Critical path on sky130: compact table against the PDK's Liberty file",
        said=f"{mine} with the compact table",
        found=f"{mine} with the Liberty file",
        command=command,
        pairs=pairs("compact_ns", "full_ns"),
    )
    print(write_pairs("sky130_paths_liberty", tables))
    if timed := pairs("bare_ns", "opensta_ns"):
        timers = PairTable(
            title="Critical path on sky130: Kiln's static timing against OpenSTA",
            said=f"{mine} with the compact table, without buffer trees",
            found=f"estimated by OpenSTA {opensta_version()} with the Liberty file",
            command=command,
            pairs=timed,
        )
        print(write_pairs("sky130_paths_opensta", timers))
    return [*tables.pairs, *timed]


def title(config: MatrixConfig) -> str:
    """Return an array in a few words."""
    size = f"{config.rows}x{config.cols} {config.dataflow} {config.operand_bits} bit"
    return f"{size}, pipeline {config.pipeline}"


def main() -> int:
    """Print one line for each array, and the largest deviations; return 1 if one is too large."""
    if find_liberty() is None:
        print("skipped: no Liberty file of the PDK; set KILN_SKY130_LIB to sky130hd_tt.lib(.gz)")
        return 1
    print(f"OpenSTA: {opensta_version() or 'not installed'}")
    tables, timers, measured = [], [], []
    for config, found in rows():
        measured.append((config, found))
        tables.append(found.compact_ns / found.full_ns - 1)
        text = f"compact {found.compact_ns:.3f} ns, full {found.full_ns:.3f} ns ({tables[-1]:+.1%})"
        if found.opensta_ns:
            timers.append(found.bare_ns / found.opensta_ns - 1)
            text += f"; without buffers {found.bare_ns:.3f} ns, OpenSTA {found.opensta_ns:.3f} ns"
            text += f" ({timers[-1]:+.1%})"
        print(f"  {title(config)}: {text}", flush=True)
    for name, errors in (("compact against full", tables), ("compact against OpenSTA", timers)):
        if errors:
            print(f"{name}: worst {max(errors, key=abs):+.1%} of {len(errors)}")
    return missed(_keep(measured), {"critical path": 0.1})


if __name__ == "__main__":
    sys.exit(main())
