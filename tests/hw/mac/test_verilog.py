"""The exported Verilog on Verilator: bit-exact, an element every cycle, whatever the peers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hw.export import ExportedDesign, export
from hw.mac import MacConfig

from .cases import Batch, all_pairs, exact, golden, make_batch, verilog

XR_NPE = ("fp4_e2m1", "posit4", "posit8", "posit16")
Built = Callable[[MacConfig], ExportedDesign]


@pytest.fixture(scope="module")
def built() -> Built:
    """Export each configuration once."""
    designs: dict[Any, ExportedDesign] = {}

    def build(config: MacConfig) -> ExportedDesign:
        return designs.get(config) or designs.setdefault(config, export(config, "kiln_mac"))

    return build


def check(design: ExportedDesign, config: MacConfig, batches: list[Batch], **peers: int) -> Any:
    found, run = verilog(design, config, batches, optimize="-O0", **peers)
    for batch, codes in zip(batches, found, strict=True):
        np.testing.assert_array_equal(codes, golden(config, batch), batch.mode)
    return run


REFERENCE = MacConfig(modes=XR_NPE, accumulator="bounded", alignment=37, pipeline=3)
QUIRE = MacConfig(modes=XR_NPE, pipeline=2, sharing="dedicated", segment=32)


@pytest.mark.parametrize("config", [REFERENCE, QUIRE], ids=["bounded", "quire"])
def test_modes_change_every_cycle_without_a_bubble(built: Built, config: MacConfig) -> None:
    batches = [make_batch(config, mode, 700, 1, seed=i) for i, mode in enumerate(XR_NPE)]
    run = check(built(config), config, batches)
    count = sum(len(batch.lengths) for batch in batches)
    np.testing.assert_array_equal(run.cycles, config.latency + np.arange(count))


@pytest.mark.parametrize("config", [REFERENCE, QUIRE], ids=["bounded", "quire"])
@pytest.mark.parametrize(("offer", "take"), [(100, 100), (60, 100), (100, 40), (50, 50)])
def test_dot_products_under_stalls(built: Built, config: MacConfig, offer: int, take: int) -> None:
    batches = [make_batch(config, mode, 70, 200, seed=offer + i) for i, mode in enumerate(XR_NPE)]
    check(built(config), config, batches, offer=offer, take=take)
    for batch in batches[2:] if offer == 100 else ():
        part = Batch(batch.mode, batch.A, batch.B, batch.lengths)
        np.testing.assert_array_equal(golden(config, part), exact(config, part))


@pytest.mark.parametrize("config", [REFERENCE, QUIRE], ids=["bounded", "quire"])
def test_every_pair_of_short_formats(built: Built, config: MacConfig) -> None:
    check(built(config), config, [all_pairs(config, mode) for mode in XR_NPE[:3]])


def test_a_long_dot_product_fills_the_accumulator(built: Built) -> None:
    batches = []
    for mode in XR_NPE:
        lanes = REFERENCE.plan.modes[REFERENCE.mode(mode)].lanes
        top = REFERENCE.formats[REFERENCE.mode(mode)].encode(1e9)
        full = np.full((4096 // lanes, lanes), int(top))
        batches.append(Batch(mode, full, full, np.array([len(full)])))
    check(built(REFERENCE), REFERENCE, batches)


OTHERS = {
    "wide": MacConfig(modes=XR_NPE, port="wide", accumulator="bounded", outputs=("posit16",)),
    "lanes": MacConfig(modes=("int8", "fp4", "fp16"), reduce=False, outputs=("fp16", "int16")),
    "floats": MacConfig(
        modes=("bf16", "fp16", "fp8_e4m3", "fp8_e5m2", "fp6_e3m2"),
        accumulator="bounded",
        pipeline=1,
        step=16,
        alignment=40,
    ),
    "windows": MacConfig(
        modes=("posit16", "fp8_e5m2", "fp4"), accumulator="bounded", reduce=False, alignment=28
    ),
    "short": MacConfig(modes=("posit2_es2", "posit3_es1", "posit3_es0", "posit8"), pipeline=1),
    "odd width": MacConfig(modes=("posit12_es1",), pipeline=1),
    "no fraction": MacConfig(modes=("posit5_es4",), pipeline=1),
    "integers": MacConfig(modes=("int16", "int8", "int4", "int5"), pipeline=0, gating=False),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_units(built: Built, name: str) -> None:
    config = OTHERS[name]
    outputs = config.outputs if len(config.outputs) > 1 else (None,)
    batches = [
        make_batch(config, mode, 56, 60, seed=i, output=outputs[i % len(outputs)])
        for i, mode in enumerate(config.modes)
    ]
    check(built(config), config, batches, offer=80, take=80)
