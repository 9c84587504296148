"""Critical paths of mapped arrays: the compact table against the Liberty file and OpenSTA."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.sky130_paths import DESIGNS, find_liberty, measure, opensta_version
from hw.matrix import MatrixConfig

SMALLEST = MatrixConfig(
    rows=2, cols=2, dataflow="ws", operand_bits=4, a_depth=64, b_depth=64, result_rows=4
)
EVERY = [SMALLEST, *(pytest.param(config, marks=pytest.mark.slow) for config in DESIGNS)]


@pytest.mark.parametrize("config", EVERY, ids=str)
def test_paths_are_within_ten_percent(pdk: Path, config: MatrixConfig) -> None:
    found = measure(config, pdk)
    assert found.compact_ns == pytest.approx(found.full_ns, rel=0.05)
    if opensta_version():
        assert found.opensta_ns == pytest.approx(found.bare_ns, rel=0.10)


def test_liberty_file_is_found_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.lib").write_text("")
    monkeypatch.setenv("KILN_SKY130_LIB", str(tmp_path / "my.lib"))
    assert find_liberty() == tmp_path / "my.lib"
    monkeypatch.setenv("KILN_SKY130_LIB", str(tmp_path / "none.lib"))
    assert find_liberty() is None
