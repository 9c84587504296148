"""Sourced energy coefficients: FPGA fabrics, and memory chips by the byte."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from boards.metrics import Fidelity, Figure, Metrics
from boards.tables import from_table
from hw.contracts import ConfigError, did_you_mean

__all__ = ["Fabric", "MemoryEnergy", "fabric", "memory_energy", "stated_uncertainties"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """Energy coefficients of an FPGA family; ``fpga.toml`` says what each one means."""

    node_nm: float
    volts: float
    uncertainty: float
    source: str
    clock_pj: float
    ff_clock_fj: float
    ff_fj: float
    lut_fj: float
    glitches: float
    dsp_pj: float
    bram_pj: float
    spram_pj: float
    uram_pj: float
    block_bits: int
    block_width: int
    static_mw: float
    device_lut: int

    def device_static_mw(self, device_lut: float | None = None) -> float:
        """Return the static power of a device with `device_lut` LUT, in proportion."""
        return self.static_mw * (device_lut / self.device_lut if device_lut else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEnergy:
    """Energy of moving one byte to or from a kind of memory, relative uncertainty, and source."""

    pj_per_byte: float
    uncertainty: float
    source: str

    def figure(self) -> Figure:
        """Return the energy per byte with its provenance."""
        return Figure(
            value=self.pj_per_byte,
            unit="pJ/B",
            fidelity=Fidelity.ESTIMATED,
            tool="kiln-power",
            conditions=f"{self.source}; +-{self.uncertainty:.0%}",
        )


def fabric(family: str) -> Fabric:
    """Return the coefficients of FPGA family ``ecp5``, ``ice40`` or ``xcup``."""
    return from_table(Fabric, _entry("fpga.toml", "family", family), f"fpga.toml: {family}")


def memory_energy(kind: str) -> MemoryEnergy:
    """Return what a byte to or from a memory of `kind` (as targets call it) costs."""
    entry = _entry("memories.toml", "memory kind", kind)
    return from_table(MemoryEnergy, entry, f"memories.toml: {kind}")


def stated_uncertainties() -> dict[str, tuple[float, str]]:
    """Return (relative uncertainty, source) of every fabric and memory, by file and name."""
    return {
        f"{file}: {name}": (float(entry["uncertainty"]), str(entry["source"]))
        for file in ("fpga.toml", "memories.toml")
        for name, entry in _table(file).items()
    }


def memory_power(kind: str, moved_bytes: float, seconds: float) -> Metrics:
    """Return what moving `moved_bytes` in `seconds` takes in a memory of `kind`, and per byte.

    Nothing for a kind without energies, such as that of a target from outside the project. Beside
    the engine's power, never part of it: the chip is another, and idles when nothing moves.
    """
    if kind not in _table("memories.toml") or seconds <= 0:
        return Metrics()
    energy = memory_energy(kind).figure()
    milliwatts = energy.value * moved_bytes / seconds * 1e-9
    note = f"{moved_bytes / seconds / 1e6:.4g} MB/s to and from {kind}; {energy.conditions}"
    return Metrics(
        memory_energy_pj_per_byte_estimated=energy,
        memory_power_mw_estimated=replace(
            energy, value=float(f"{milliwatts:.6g}"), unit="mW", conditions=note
        ),
    )


@lru_cache(maxsize=2)
def _table(name: str) -> dict[str, Any]:
    text = resources.files("boards.power").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _entry(name: str, what: str, key: str) -> Any:
    table = _table(name)
    if key not in table:
        raise ConfigError(f"power: no energies for {what} {key!r}{did_you_mean(key, table)}")
    return table[key]
