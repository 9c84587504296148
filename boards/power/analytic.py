"""Power in closed form over arrays, for ranking a million designs; calibrated from simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boards.metrics import Fidelity
from boards.sky130.memories import memory_fit
from hw.contracts import ConfigError

from .coefficients import fabric

__all__ = ["Buffer", "EnergyModel", "energy_model"]

Values = NDArray[np.float64]

# Energies of generated int4, int8 and int16 multiply-accumulate elements on sky130 at random
# operands (0.5 toggles per bit), as `asic_power` finds them, within 18 %:
# bench/power_coefficients.py.
_SKY130_MULTIPLY_PJ = 7.0
_SKY130_ACCUMULATE_PJ = 0.0585
_SKY130_FF_CLOCK_PJ = 0.0585
_SKY130_FF_PJ = 0.0333
# Memories lead: 0.0033 to 0.0052 in the macros of boards/sky130/memories.toml; cells of the PDK's
# Liberty file leak a tenth of that (0.0003 in the middle, 0.0004 a flip-flop).
_SKY130_LEAKAGE_MW_PER_MM2 = 0.004
# Ours: the fit's 18 %, activity that is assumed, and wires before layout.
_SKY130_UNCERTAINTY = 0.4

_EIGHT = 8.0
_ACCUMULATOR_RATE = 0.25  # the upper bits of a running sum are still
_LUT_MULTIPLIER_TOGGLES = 238.0  # of an 8x8 multiplier per product, see fpga.toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """An on-chip buffer of many designs: its shape, and accesses per cycle."""

    words: ArrayLike
    width: ArrayLike
    reads: ArrayLike
    writes: ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyModel:
    """Energies per event of one family, in pJ.

    Members
    -------
    multiply_pj : float
        Product of two random 8-bit operands in logic; in proportion to the square of the width.
    dsp_pj : float
        The same in a DSP block, whatever the width.
    accumulate_pj : float
        One bit of an accumulator that is added to.
    ff_clock_pj, ff_pj : float
        Clocking a flip-flop, and one toggle of it.
    clock_pj : float
        Per cycle, whatever the design.
    block_bits, block_width, block_pj
        Block RAM of an FPGA and energy of an access; zero for ASIC macros.
    static_mw, static_mw_per_mm2 : float
        Of the device, or of ASIC area.
    scale : float
        What calibration multiplied all but memories and static power by.
    """

    family: str
    fidelity: Fidelity
    source: str
    uncertainty: float
    multiply_pj: float
    accumulate_pj: float
    ff_clock_pj: float
    ff_pj: float
    dsp_pj: float = 0.0
    clock_pj: float = 0.0
    block_bits: int = 0
    block_width: int = 0
    block_pj: float = 0.0
    static_mw: float = 0.0
    static_mw_per_mm2: float = 0.0
    scale: float = 1.0

    def cycle_pj(
        self,
        *,
        macs: ArrayLike,
        operand_bits: ArrayLike,
        accum_bits: ArrayLike = 32,
        dsp: ArrayLike = False,
        ff: ArrayLike = 0,
        ff_rate: ArrayLike = 0.25,
        buffers: Sequence[Buffer] = (),
    ) -> Values:
        """Return the mean energy of a cycle, over arrays that broadcast against each other.

        Parameters
        ----------
        macs : array
            Multiply-accumulates per cycle, averaged over the time in question.
        operand_bits, accum_bits : array
            Widths.
        dsp : array of bool
            Whether DSP blocks multiply.
        ff, ff_rate : array
            Flip-flops of the whole design, clocked in every cycle, and their toggles per cycle.
        buffers : sequence of Buffer
            On-chip memories.
        """
        logic = self._macs_pj(macs, operand_bits, accum_bits, dsp) + self._registers(ff, ff_rate)
        energy = self.clock_pj + self.scale * logic
        for buffer in buffers:
            energy = energy + self._buffer_pj(buffer)
        return energy

    def power_mw(self, *, clock_mhz: ArrayLike, area_um2: ArrayLike = 0.0, **design: Any) -> Values:
        """Return the power; `design` is what `cycle_pj` takes."""
        static = self.static_mw + self.static_mw_per_mm2 * _array(area_um2) * 1e-6
        return self.cycle_pj(**design) * _array(clock_mhz) * 1e-3 + static

    def calibrated(self, points: Sequence[tuple[Mapping[str, Any], float]]) -> EnergyModel:
        """Return the model scaled to measured designs.

        Parameters
        ----------
        points : sequence of (design, pJ)
            Arguments of `cycle_pj` of one design, and its measured energy of a cycle, memories
            left out on both sides.

        Raises
        ------
        ConfigError
            No points, or energies that are not positive.
        """
        ratios = [pj / float(replace(self, scale=1.0).cycle_pj(**what)) for what, pj in points]
        if not ratios or min(ratios) <= 0:
            raise ConfigError("calibration needs at least one design with an energy above 0 pJ")
        # The geometric mean: a factor of two too much and too little weigh the same.
        return replace(self, scale=float(np.exp(np.mean(np.log(ratios)))))

    def _macs_pj(
        self, macs: ArrayLike, operand_bits: ArrayLike, accum_bits: ArrayLike, dsp: ArrayLike
    ) -> Values:
        product = self.multiply_pj * (_array(operand_bits) / _EIGHT) ** 2
        if self.dsp_pj:
            product = np.where(dsp, self.dsp_pj, product)
        energy: Values = _array(macs) * (product + self.accumulate_pj * _array(accum_bits))
        return energy

    def _registers(self, ff: ArrayLike, rate: ArrayLike) -> Values:
        return _array(ff) * (self.ff_clock_pj + self.ff_pj * _array(rate))

    def _buffer_pj(self, buffer: Buffer) -> Values:
        words, width = _array(buffer.words), _array(buffer.width)
        reads, writes = _array(buffer.reads), _array(buffer.writes)
        if not self.block_pj:
            fit = memory_fit()
            access = reads * fit.read_pj(words, width) + writes * fit.write_pj(words, width)
            return access + fit.clock_pj(words, width)
        # A deep memory is cut into narrow slices, so that all of its blocks work in every access.
        blocks = np.maximum(
            np.ceil(width / self.block_width), np.ceil(words * width / self.block_bits)
        )
        energy: Values = (reads + writes) * blocks * self.block_pj
        return energy


def energy_model(family: str, device_lut: float | None = None) -> EnergyModel:
    """Return the energies of ``sky130``, ``ecp5``, ``ice40`` or ``xcup`` before calibration."""
    if family == "sky130":
        return EnergyModel(
            family=family,
            fidelity=Fidelity.MODELLED,
            source=(
                "least squares over gate-level energies of generated elements "
                "(python -m bench.power_coefficients)"
            ),
            uncertainty=_SKY130_UNCERTAINTY,
            multiply_pj=_SKY130_MULTIPLY_PJ,
            accumulate_pj=_SKY130_ACCUMULATE_PJ,
            ff_clock_pj=_SKY130_FF_CLOCK_PJ,
            ff_pj=_SKY130_FF_PJ,
            static_mw_per_mm2=_SKY130_LEAKAGE_MW_PER_MM2,
        )
    found = fabric(family)
    return EnergyModel(
        family=family,
        fidelity=Fidelity.ESTIMATED,
        source=found.source,
        uncertainty=found.uncertainty,
        multiply_pj=_LUT_MULTIPLIER_TOGGLES * found.lut_fj * 1e-3,
        accumulate_pj=_ACCUMULATOR_RATE * found.lut_fj * 1e-3,
        ff_clock_pj=found.ff_clock_fj * 1e-3,
        ff_pj=found.ff_fj * 1e-3,
        dsp_pj=found.dsp_pj,
        clock_pj=found.clock_pj,
        block_bits=found.block_bits,
        block_width=found.block_width,
        block_pj=found.bram_pj,
        static_mw=found.device_static_mw(device_lut),
    )


def _array(values: ArrayLike) -> Values:
    return np.asarray(values, dtype=np.float64)
