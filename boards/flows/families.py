"""What is particular to a family: how Yosys maps to it, and what each mapped cell takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FPGA_FAMILIES", "UNITS", "FpgaFamily", "resources"]

UNITS = {
    "lut": "LUT",
    "ff": "FF",
    "dsp": "DSP",
    "bram": "block",
    "spram": "block",
    "uram": "block",
    "lutram": "LUT",
    "carry": "cell",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FpgaFamily:
    """Synthesis of one FPGA family.

    Members
    -------
    synth : str
        Yosys's script pass with the options that never change, the hierarchy kept.
    luts : tuple of str
        What the pass does under its label ``map_luts``, cut at ABC: before, ABC itself, after.
        Written out so that ABC runs on modules with logic only, which halves the time; empty to
        leave it to the pass.
    resume : str
        The pass's label after ``map_luts``.
    cells : mapping of str to mapping
        Resources that one mapped cell of each type takes; a type that is absent takes none.
    """

    synth: str
    luts: tuple[str, str, str] | tuple[()] = ()
    resume: str = ""
    cells: Mapping[str, Mapping[str, float]]


def _each(names: str, **amount: float) -> dict[str, dict[str, float]]:
    return dict.fromkeys(names.split(), amount)


_ECP5 = FpgaFamily(
    synth="synth_ecp5 -noflatten",
    luts=("check -latchonly -assert", "abc9 -W 300", "clean"),
    resume="map_cells",
    cells={
        **_each("LUT4", lut=1),
        **_each("CCU2C", lut=2, carry=1),
        # Four LUTs hold the bits; the write port takes the two of a third slice.
        **_each("TRELLIS_DPR16X4", lut=6, lutram=6),
        **_each("TRELLIS_FF", ff=1),
        **_each("MULT18X18D", dsp=1),
        **_each("DP16KD PDPW16KD", bram=1),
    },
)

_ICE40 = FpgaFamily(
    synth="synth_ice40 -device u -dsp -spram -abc9 -noflatten",
    cells={
        **_each("SB_LUT4", lut=1),
        **_each("SB_CARRY", carry=1),
        **_each("SB_MAC16", dsp=1),
        **_each("SB_RAM40_4K SB_RAM40_4KNR SB_RAM40_4KNW SB_RAM40_4KNRNW", bram=1),
        **_each("SB_SPRAM256KA", spram=1),
        **_each(
            "SB_DFF SB_DFFE SB_DFFSR SB_DFFR SB_DFFSS SB_DFFS SB_DFFESR SB_DFFER SB_DFFESS "
            "SB_DFFES SB_DFFN SB_DFFNE SB_DFFNSR SB_DFFNR SB_DFFNSS SB_DFFNS",
            ff=1,
        ),
    },
)

_XCUP = FpgaFamily(
    synth="synth_xilinx -family xcup -abc9 -noiopad -noclkbuf",  # it keeps hierarchy
    luts=(
        "opt_expr -mux_undef -noclkinv",
        "abc9 -W 300",
        "clean; xilinx_srl -fixed -minlen 3; "
        "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6; "
        "xilinx_dffopt; opt_lut_ins -tech xilinx",
    ),
    resume="finalize",
    cells={
        **_each("LUT1 LUT2 LUT3 LUT4 LUT5 LUT6 LUT6_2 INV", lut=1),
        **_each("SRL16E SRLC32E", lut=1, lutram=1),
        **_each("RAM32X1S RAM64X1S", lut=1, lutram=1),
        **_each("RAM32X1D RAM64X1D RAM128X1S RAM32X2S", lut=2, lutram=2),
        **_each("RAM32M RAM64M RAM128X1D RAM256X1S RAM32X4S", lut=4, lutram=4),
        **_each("RAM32M16 RAM64M8 RAM256X1D RAM512X1S", lut=8, lutram=8),
        **_each("FDRE FDSE FDCE FDPE", ff=1),
        **_each("CARRY8 CARRY4", carry=1),
        **_each("DSP48E2", dsp=1),
        **_each("RAMB36E2", bram=1),
        **_each("RAMB18E2", bram=0.5),
        **_each("URAM288", uram=1),
    },
)

FPGA_FAMILIES: dict[str, FpgaFamily] = {"ecp5": _ECP5, "ice40": _ICE40, "xcup": _XCUP}


def resources(family: FpgaFamily, cells: Mapping[str, int]) -> Counter[str]:
    """Return what `cells` (type to number) take of each resource."""
    total: Counter[str] = Counter()
    for name, number in cells.items():
        for resource, amount in family.cells.get(name, {}).items():
            total[resource] += amount * number  # type: ignore[assignment]  # halves of RAMB36E2
    return total
