"""Accelerators compose blocks and host, place operators, and survive TOML; nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hw.accelerator import (
    AcceleratorConfig,
    BlockInstance,
    accelerator_text,
    blocks,
    find_block,
    list_blocks,
    read_accelerator,
)
from hw.accelerator.table import parse_accelerator
from hw.contracts import ConfigError, CycleCount, Operator, OperatorKind, Phase
from hw.host import HostConfig
from hw.matrix import MatrixConfig

HOST = HostConfig(rates=((OperatorKind.SOFTMAX, 1e8), (OperatorKind.GEMM, 1e9)))


@dataclass(frozen=True, kw_only=True)
class SoftmaxUnit:
    """A block from outside the repository."""

    lanes: int = 4

    def create(self) -> None:
        return None

    def jobs(self, op: Operator) -> tuple[int, ...] | None:
        return (op.m * op.n,) if op.kind is OperatorKind.SOFTMAX else None

    def golden(self, job: int, state: Any) -> Any:
        return state

    def cycles(self, job: int, memory: Any = None, stalls: Any = None) -> CycleCount:
        return CycleCount(compute=-(-job // self.lanes))


class Point:
    """Stands in for an installed package's entry point."""

    def __init__(self, name: str, loaded: Any) -> None:
        self.name, self._loaded = name, loaded

    def load(self) -> Any:
        return self._loaded


def plug(monkeypatch: pytest.MonkeyPatch, **loaded: Any) -> None:
    points = [Point(name, value) for name, value in loaded.items()]
    monkeypatch.setattr(blocks, "entry_points", lambda group: points)


def operator(kind: OperatorKind) -> Operator:
    return Operator(name="x", kind=kind, phase=Phase.PREFILL, m=4, k=1, n=8)


def accelerator(**knobs: Any) -> AcceleratorConfig:
    return AcceleratorConfig.of_matrix(MatrixConfig(**knobs), HOST)


def test_gemms_run_on_the_engine_the_rest_on_the_host() -> None:
    config = accelerator()
    assert config.place(operator(OperatorKind.GEMM))[0] == "matrix0"
    assert config.place(operator(OperatorKind.SOFTMAX))[0] == "host"
    with pytest.raises(ConfigError, match=r"runs on no block.*add rates\.gelu"):
        config.place(operator(OperatorKind.GELU))


def test_a_plugged_in_block_takes_the_operators_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, softmax_unit=SoftmaxUnit)
    assert list_blocks() == ("matrix", "mac", "softmax_unit")
    assert find_block("softmax_unit") is SoftmaxUnit
    config = AcceleratorConfig(
        blocks=(*accelerator().blocks, BlockInstance(name="vector0", config=SoftmaxUnit(lanes=8))),
        host=HOST,
    )
    softmax = operator(OperatorKind.SOFTMAX)
    assert config.mapping((softmax,)) == {softmax: "vector0"}
    assert parse_accelerator(accelerator_text(config)) == config
    assert set(config.created()) == {"matrix0"}


def test_an_entry_point_that_is_no_configuration_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug(monkeypatch, odd=42)
    with pytest.raises(ConfigError, match="must name a configuration dataclass"):
        find_block("odd")


def test_toml_round_trip_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "accelerator.toml"
    config = accelerator(rows=16, dataflow="ws", result_rows=64)
    path.write_text(accelerator_text(config))
    assert read_accelerator(path) == config


TEXT = accelerator_text(accelerator())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows = 8", "row = 8", "blocks.matrix0 has no key 'row'; did you mean 'rows'"),
        ("rows = 8", "rows = 0", "blocks.matrix0: rows=0 is out of range"),
        ('block = "matrix"', 'block = "matrx"', "did you mean 'matrix'"),
        ('block = "matrix"', "", "does not say what it is"),
        ("[host]", "[hosts]", "no key 'hosts'; did you mean 'host'"),
        ("softmax", "softmaxx", "did you mean 'softmax'"),
        ("clock_mhz = 1000.0", "clock = 1", "did you mean 'clock_mhz'"),
        ("rows = 8", "rows = ", "not TOML"),
        ("matrix0", "host", "names no block instance"),
    ],
)
def test_bad_files_are_refused_with_the_remedy(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"x.toml: .*{message}"):
        parse_accelerator(TEXT.replace(old, new, 1), "x.toml")


def test_missing_files_and_empty_accelerators_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a TOML file"):
        read_accelerator(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="blocks is empty"):
        AcceleratorConfig(blocks=(), host=HOST)
    with pytest.raises(ConfigError, match="used twice"):
        AcceleratorConfig(blocks=accelerator().blocks * 2, host=HOST)
    with pytest.raises(ConfigError, match="is no block"):
        BlockInstance(name="x", config=3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unknown block instance 'matrix1'"):
        accelerator().block("matrix1")
