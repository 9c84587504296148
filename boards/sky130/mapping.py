"""The Yosys commands that map Verilog to sky130 cells, memories left as black boxes."""

from __future__ import annotations

from pathlib import Path

from .clock_gates import CLOCK_PIN, ENABLE_PIN, GATED_PIN
from .memories import FLOP_LIMIT_BITS
from .table import PREFIX

__all__ = ["ABC_AREA", "gated_commands", "mapping_commands", "small_memories"]

ABC_AREA = "strash; ifraig; scorr; dc2; strash; dch -f; amap -m; topo"
"""Fixed area-oriented script: equal logic gets equal cells wherever it stands.

On a 3x3 array the modules' areas add up to 1.2 % more than the flat design takes (`&nf`: 3.4 %);
resizing gates (``buffer; upsize; dnsize``) would shorten the array's paths by 15 %, but make that
2.5 %, and layout does it anew.
"""


def mapping_commands(top: str, liberty: str | Path, abc_script: str | Path) -> tuple[str, ...]:
    """Return the commands for a design that is read in; what is left is mapped and hierarchical.

    Parameters
    ----------
    top : str
        Top module.
    liberty : str or Path
        Liberty file of the cells.
    abc_script : str or Path
        File with `ABC_AREA` or another script.
    """
    return (
        f"hierarchy -check -top {top}",
        "proc; opt_expr; opt_clean; check; opt -nodffe -nosdff; fsm; opt; wreduce; peepopt",
        "opt_clean; alumacc; share; opt; memory -nomap; opt_clean",
        f"memory_map {small_memories()}",
        "opt -fast -full; techmap; opt -fast; opt_clean",
        f"dfflibmap -liberty {liberty}",
        f"abc -liberty {liberty} -script {abc_script}",
        "opt_clean -purge",
    )


def gated_commands(
    top: str, liberty: str | Path, abc_script: str | Path, *, least: int = 3
) -> tuple[str, ...]:
    """Return the commands for a design without memories that is flattened, its clock gated.

    Registers with an enable are put behind a clock gate where `least` or more share it; the others
    keep a multiplexer. A gate is the smallest there is: `boards.power.gated` chooses its drive.
    """
    gate = f"{PREFIX}dlclkp_1 {ENABLE_PIN}:{CLOCK_PIN}:{GATED_PIN}"
    return (
        f"hierarchy -check -top {top}",
        "proc; flatten -noscopeinfo; opt_expr; opt_clean; check; opt -nosdff; fsm; opt -nosdff",
        "wreduce; peepopt; opt_clean; alumacc; share; opt -nosdff; memory -nomap; opt_clean",
        "opt -nosdff -fast -full; techmap; opt -nosdff -fast; opt_clean",
        f"clockgate -pos {gate} -min_net_size {least}",
        f"opt_clean; dfflibmap -liberty {liberty}",
        f"abc -liberty {liberty} -script {abc_script}",
        "opt_clean -purge",
    )


def small_memories() -> str:
    """Return the Yosys selection of memories of at most `FLOP_LIMIT_BITS` bits.

    A selection compares one parameter with a constant, so the hyperbola words * width = limit is
    covered by rectangles, one for each of its steps.
    """
    steps = {FLOP_LIMIT_BITS // width: width for width in range(1, FLOP_LIMIT_BITS + 1)}
    rectangles = [
        f"t:$mem_v2 r:WIDTH<={width} %i r:SIZE<={words} %i" for words, width in steps.items()
    ]
    return " ".join([*rectangles, *["%u"] * (len(rectangles) - 1)])
