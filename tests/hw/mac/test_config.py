"""Configurations: what is refused and why, cycles, and random ones that all work."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from boards.flows import synthesize, used
from boards.target import load_target
from hw.contracts import Block, ConfigError, Operator, OperatorKind, Phase
from hw.export import export, write_design
from hw.mac import MAC_SPACE, MacConfig, MacJob, c_header

from ..export.lint import lint
from .random_units import WRONG, simulate, try_random

REFUSED = [
    ({"modes": ()}, "modes=.* name one or more"),
    ({"modes": ("int8", "int8")}, "names a format twice; name each once"),
    ({"modes": ("fp4", "fp4_e2m1")}, "names a format twice"),
    ({"modes": ("fp5",)}, "format 'fp5' is not known"),
    ({"outputs": ("mx_int8",)}, "outputs='mx_int8' scales blocks, .* its elements, 'int8'"),
    ({"port": "narrow"}, "port='narrow' is not known; choose one of"),
    ({"sharing": "some"}, "sharing='some' is not known"),
    ({"accumulator": "float"}, "accumulator='float' is not known"),
    ({"step": 5}, "step=5 is not known; choose one of"),
    ({"length": 0}, "length=0 is out of range; use 1 to"),
    ({"pipeline": 4}, "pipeline=4 is out of range; use 0 to 3"),
    ({"bank": 0}, "bank=0 is out of range; use 1 to 64"),
    ({"segment": 4}, "segment=4 is too short; use 0, or 8 or more"),
    ({"reduce": 1}, "reduce=1 is no bool; use True or False"),
    ({"accumulator": "bounded", "segment": 32}, "use segment=0, or accumulator='quire'"),
    ({"alignment": 16, "step": 16}, "alignment=16 keeps hardly .* use alignment=20 or more"),
    ({"modes": ("bf16",)}, "accumulator='quire' takes .* bf16 .* use accumulator='bounded'"),
    ({"accumulator": "bounded", "alignment": 60}, "alignment=60 .* use alignment=51 or less"),
]


@pytest.mark.parametrize(("knobs", "message"), REFUSED, ids=lambda part: str(part)[:40])
def test_refused_with_field_value_and_remedy(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MacConfig(**knobs)


def test_unknown_modes_and_outputs_are_named() -> None:
    config = MacConfig(outputs=("posit16", "fp16"))
    with pytest.raises(ConfigError, match="mode='int8' is none of this unit's; choose one of"):
        config.mode("int8")
    with pytest.raises(ConfigError, match="output=None leaves open"):
        config.golden(MacJob(mode="posit8", length=1), ([[0]], [[0]]))
    with pytest.raises(ConfigError, match="length=0 is no work; use 1 or more"):
        MacJob(mode="posit8", length=0)
    with pytest.raises(ConfigError, match="give codes of one shape"):
        config.golden(MacJob(mode="posit8", length=1, output="fp16"), ([[0]], [[0, 1]]))


def test_it_is_a_block() -> None:
    config = MacConfig()
    assert isinstance(config, Block)
    gemm = Operator(name="x", kind=OperatorKind.GEMM, phase=Phase.DECODE, m=1, k=2, n=3)
    assert config.jobs(gemm) is None
    job = MacJob(mode="posit8", length=5, count=3)
    assert config.cycles(job).total == 3 * 3 + config.latency


@pytest.mark.parametrize("bits", [(16, 1), (8, 2), (4, 4)])
def test_lanes_of_both_ports(bits: tuple[int, int]) -> None:
    width, lanes = bits
    name = f"int{width}"
    assert MacConfig(modes=(name,)).plan.modes[0].lanes == lanes
    wide = MacConfig(modes=(name,), port="wide").plan
    assert wide.modes[0].lanes == lanes * lanes
    assert wide.port_bits == width * lanes * lanes


def test_every_point_of_the_space_is_a_unit() -> None:
    rnd = random.Random(0)
    for index in rnd.sample(range(len(MAC_SPACE)), 50):
        assert isinstance(MAC_SPACE.decode(MAC_SPACE.point(index)), MacConfig)


@pytest.mark.parametrize("name", [field.name for field in fields(MacConfig)])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_values_of_wrong_type_are_refused_by_name(name: str, value: Any) -> None:
    allowed = {"reduce": (True,), "gating": (True,), "stall": (True,)}
    allowed |= {"segment": (0,), "pipeline": (0,)}
    if any(value is known for known in allowed.get(name, ())):
        return
    with pytest.raises(ConfigError, match=rf"^{name}\b.*\b(use|choose|name|did you mean)\b"):
        MacConfig(**{name: value})


@pytest.mark.parametrize("seed", range(7))
def test_random_configurations_work_or_are_refused(seed: int) -> None:
    try_random(seed)


def test_a_scale_may_be_as_large_as_half_the_bias() -> None:
    config = MacConfig(
        modes=("posit4_es2", "int14"),
        accumulator="bounded",
        alignment=59,
        step=16,
        length=1,
        reduce=False,
    )
    mode = config.plan.modes[0]
    assert mode.half == mode.format.max_scale
    simulate(config, 150)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000))
def test_a_thousand_random_configurations(seed: int) -> None:
    try_random(seed)


def test_the_header_says_what_a_program_needs() -> None:
    config = MacConfig(outputs=("posit16", "fp16"), reduce=False)
    text = c_header(config)
    assert f"#define KILN_MAC_LATENCY {config.latency}\n" in text
    assert "#define KILN_MAC_MODE_POSIT8 2\n" in text
    assert "#define KILN_MAC_MODE_POSIT8_LANES 2\n" in text
    assert "#define KILN_MAC_B_SHIFT 16\n" in text
    assert "#define KILN_MAC_OUTPUT_FP16 1\n" in text
    assert "#define KILN_MAC_RESULT_0_TOP_BIT 15\n" in text
    with pytest.raises(ConfigError, match="name='9x' is no C identifier; use letters"):
        c_header(config, "9x")


SMALL = MacConfig(modes=("posit8", "fp4"), accumulator="bounded", alignment=20, length=64)


@pytest.mark.parametrize("knobs", [{}, {"pipeline": 3, "bank": 2, "reduce": False}], ids=str)
def test_verilog_has_axi_names_and_no_warnings(knobs: dict[str, Any], tmp_path: Path) -> None:
    design = export(replace(SMALL, **knobs), "kiln_mac")
    names = {port.name for port in design.ports}
    assert {"aclk", "aresetn", "s_axis_tdata", "s_axis_tlast", "m_axis_tdata"} <= names
    write_design(design, tmp_path)
    assert lint(design, tmp_path) == ""


@pytest.mark.parametrize("target", ["ulx3s-85f", "alveo-u55c", "sky130"])
def test_it_synthesises(target: str) -> None:
    metrics = synthesize(export(SMALL, "kiln_mac"), load_target(target))
    assert used(metrics, "cell_area_um2" if target == "sky130" else "lut") > 0
    assert not used(metrics, "dsp")
