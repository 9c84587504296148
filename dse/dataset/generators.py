"""What is swept: every generator, how its configurations are drawn, and how one is built."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hw.mac import MacConfig
from hw.matrix import MATRIX_SPACE, MIXED_SPACE, MatrixConfig, mixed_config
from hw.matrix.output import OutputStage
from hw.matrix.pe import OsPe, PeShape, WsPe
from hw.matrix.replay import ReplayBuffer
from hw.matrix.result_os import ResultColumn
from hw.matrix.result_ws import AccumulatingColumn
from hw.matrix.sequencer import OsSequencer, WsSequencer
from hw.matrix.skew import Delay, Skew
from hw.numerics import FORMATS, find_format
from hw.numerics.codec import Decoder, Encoder
from hw.protect import (
    DwcRegister,
    HsiaoCode,
    HsiaoCorrector,
    HsiaoEncoder,
    ParityRegister,
    SparseState,
    TmrRegister,
    Watchdog,
)

__all__ = ["GENERATORS", "Generator"]

Knobs = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Generator:
    """One family of designs.

    Members
    -------
    draw : callable
        Returns knobs, given a random generator; plain JSON.
    build : callable
        Returns what `hw.export.export` takes, given the knobs; `ConfigError` where they do not go
        together.
    share : float
        Part of a sweep over all generators.
    axi : bool
        Whether it is exported with AXI4-Stream ports, as whole blocks are.
    """

    draw: Callable[[random.Random], Knobs]
    build: Callable[[Mapping[str, Any]], Any]
    share: float
    axi: bool = False


def _sizes(rnd: random.Random, most: int, area: int) -> tuple[int, int]:
    """Draw an array's rows and columns: powers of two and what is between, small ones often."""
    while True:
        rows, cols = (rnd.choice((2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)) for _ in "rc")
        if max(rows, cols) <= most and rows * cols <= area and rnd.random() < 8 / (rows + cols):
            return rows, cols


def _matrix(rnd: random.Random) -> Knobs:
    free = {name: rnd.choice(knob.values) for name, knob in MATRIX_SPACE.knobs.items()}
    rows, cols = _sizes(rnd, 64, 1024)
    return free | {"rows": rows, "cols": cols}


def _mixed(rnd: random.Random) -> Knobs:
    free = {name: rnd.choice(knob.values) for name, knob in MIXED_SPACE.knobs.items()}
    rows, cols = _sizes(rnd, 32, 256)
    return free | {"rows": rows, "cols": cols}


_MODES = (*FORMATS, "posit5_es1", "posit6_es1", "posit6_es2", "posit12_es1", "posit12_es2")


def _mac(rnd: random.Random) -> Knobs:
    return {
        "modes": rnd.sample(_MODES, rnd.choice((1, 1, 1, 2, 2, 3, 4))),
        "port": rnd.choice(("fixed", "fixed", "wide")),
        "reduce": rnd.random() < 0.8,
        "multiplier": rnd.choice(("lut", "dsp")),
        "sharing": rnd.choice(("shared", "dedicated")),
        "accumulator": rnd.choice(("quire", "bounded", "bounded")),
        "length": rnd.choice((64, 512, 4096)),
        "alignment": rnd.randint(16, 50),
        "step": rnd.choice((4, 8, 16)),
        "pipeline": rnd.randint(0, 3),
        "gating": rnd.random() < 0.3,
        "stall": rnd.random() < 0.8,
    }


def _build_mac(knobs: Mapping[str, Any]) -> MacConfig:
    return MacConfig(**{**knobs, "modes": tuple(knobs["modes"])})


def _codec(rnd: random.Random) -> Knobs:
    if rnd.random() < 0.5:
        bits = rnd.randint(3, 16)
        name = f"posit{bits}_es{rnd.randint(0, min(4, bits - 3))}"
    else:
        name = rnd.choice(tuple(FORMATS))
    if rnd.random() < 0.4:
        return {"what": "decoder", "format": name}
    return {
        "what": "encoder",
        "format": name,
        "significand_bits": rnd.randint(17, 64),
        "scale_bits": rnd.randint(8, 14),
    }


def _build_codec(knobs: Mapping[str, Any]) -> Any:
    format = find_format(knobs["format"])
    if knobs["what"] == "decoder":
        return Decoder(format)
    widths = {name: knobs[name] for name in ("significand_bits", "scale_bits")}
    return Encoder(format, **widths)


def _protection(rnd: random.Random) -> Knobs:
    what = rnd.choice(tuple(_PROTECTION))
    return {"what": what, "bits": rnd.randint(2, 128), "more": rnd.randint(1, 4)}


def _few(bits: int, most: int) -> int:
    return 2 + bits % (most - 1)


_PROTECTION: dict[str, Callable[[int, int], Any]] = {
    "hsiao encoder": lambda bits, more: HsiaoEncoder(HsiaoCode(data_bits=bits)),
    "hsiao corrector": lambda bits, more: HsiaoCorrector(HsiaoCode(data_bits=bits)),
    "parity": lambda bits, more: ParityRegister(bits, groups=min(more, bits)),
    "duplicate": lambda bits, more: DwcRegister(bits, registered=more > 2),
    "triple": lambda bits, more: TmrRegister(bits, voters=3 if more > 2 else 1),
    "sparse state": lambda bits, more: SparseState(_few(bits, 32), distance=1 + more % 3),
    "watchdog": lambda bits, more: Watchdog(bits * more * 7),
}


def _build_protection(knobs: Mapping[str, Any]) -> Any:
    return _PROTECTION[knobs["what"]](knobs["bits"], knobs["more"])


def _element(rnd: random.Random) -> Knobs:
    return {
        "dataflow": rnd.choice(("os", "ws")),
        "operand_bits": rnd.randint(2, 20),
        "accum_bits": rnd.randint(40, 56) if rnd.random() < 0.3 else rnd.randint(16, 40),
        "multiplier": rnd.choice(("dsp", "lut")),
        "pipeline": rnd.randint(0, 2),
        "bottom": rnd.random() < 0.3,
    }


def _build_element(knobs: Mapping[str, Any]) -> Any:
    names = ("operand_bits", "accum_bits", "multiplier", "pipeline")
    bits = max(knobs["accum_bits"], 2 * knobs["operand_bits"])
    shape = PeShape(**{**{name: knobs[name] for name in names}, "accum_bits": bits})
    element = OsPe if knobs["dataflow"] == "os" else WsPe
    return element(shape, bottom=knobs["bottom"])


def _buffer(rnd: random.Random) -> Knobs:
    return {
        "width": rnd.randint(4, 160),
        "depth": 1 << rnd.randint(4, 12),
        "banks": rnd.choice((1, 1, 2, 4)),
        "once": rnd.random() < 0.3,
    }


def _stage(rnd: random.Random) -> Knobs:
    return {
        "what": rnd.choice(tuple(_STAGES)),
        "lanes": rnd.randint(2, 32),
        "bits": rnd.randint(4, 48),
        "words": 1 << rnd.randint(2, 8),
    }


_STAGES: dict[str, Callable[[int, int, int], Any]] = {
    "skew": lambda lanes, bits, words: Skew(min(lanes, 12), min(bits, 24)),
    "delay": lambda lanes, bits, words: Delay(bits * 2, min(lanes, 12)),
    "output": lambda lanes, bits, words: OutputStage(lanes, bits),
    "result column": lambda lanes, bits, words: ResultColumn(words, bits),
    "accumulating column": lambda lanes, bits, words: AccumulatingColumn(
        words, bits, max(2, bits - lanes % 8)
    ),
    "sequencer os": lambda lanes, bits, words: OsSequencer(lanes, 1 + bits % 32),
    "sequencer ws": lambda lanes, bits, words: WsSequencer(lanes, 1 + bits % 32, words),
}


def _build_stage(knobs: Mapping[str, Any]) -> Any:
    return _STAGES[knobs["what"]](knobs["lanes"], knobs["bits"], knobs["words"])


def _bus(rnd: random.Random) -> Knobs:
    return {"lanes": rnd.randint(1, 64), "bits": rnd.randint(4, 48)}


GENERATORS: dict[str, Generator] = {
    "matrix": Generator(
        draw=_matrix, build=lambda knobs: MatrixConfig.from_knobs(**knobs), share=0.22, axi=True
    ),
    "mixed": Generator(
        draw=_mixed, build=lambda knobs: mixed_config(**knobs), share=0.12, axi=True
    ),
    "mac": Generator(draw=_mac, build=_build_mac, share=0.2, axi=True),
    "codec": Generator(draw=_codec, build=_build_codec, share=0.12),
    "protection": Generator(draw=_protection, build=_build_protection, share=0.1),
    "element": Generator(draw=_element, build=_build_element, share=0.08),
    "buffer": Generator(draw=_buffer, build=lambda knobs: ReplayBuffer(**knobs), share=0.07),
    "stage": Generator(draw=_stage, build=_build_stage, share=0.06),
    "bus": Generator(
        draw=_bus,
        build=lambda knobs: OutputStage(knobs["lanes"], knobs["bits"]),
        share=0.03,
        axi=True,
    ),
}
"""Engines of integers and of number formats, multiply-accumulate units, codecs, protection,
processing elements, operand buffers, what stands between them, and adapters of buses."""
