"""Checksums on the array: no false alarm, every wrong accumulator located, in mapped gates.

Thousands of experiments run side by side, a flip-flop flipped in each; the last one has none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from boards.protect import MappedBlock, map_sky130
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MatrixConfig
from hw.matrix.checksum import row_latency

from .bench import run_jobs

SMALL = {"rows": 3, "cols": 3, "operand_bits": 4, "accum_bits": 12, "result_rows": 4}
DEEP = {"a_depth": 16, "b_depth": 16}


def config_of(checksum: str, **knobs: Any) -> MatrixConfig:
    return MatrixConfig(**{**SMALL, **DEEP, "checksum": checksum, **knobs})


@lru_cache(maxsize=4)
def netlist_of(config: MatrixConfig) -> Any:
    design = export(config, "x", axi=False)
    return map_sky130(design.verilog, "x", flat=True).netlist.modules["x"]


def word(lanes: Any, bits: int) -> int:
    return sum((int(lane) & (1 << bits) - 1) << (bits * at) for at, lane in enumerate(lanes))


def steps_of(config: MatrixConfig, shape: tuple[int, int, int], inject: int = 0) -> list[Any]:
    """Return inputs of every cycle, nobody ever waiting."""
    job = config.plan(*shape)
    A, B = config.random(job, np.random.default_rng(3))
    streams = {"a": config.pack_a(job, A), "b": config.pack_b(job, B)}
    steps = []
    for cycle in range(config.cycles(job).total + 8):
        step = {"o_ready": 1, "rst": int(cycle == 0), "check_inject": inject}
        if cycle == 1:
            step |= {"cmd_valid": 1, "cmd_payload": config.descriptor(job)}
        for name, words in streams.items():
            if 1 <= cycle <= len(words):
                step |= {f"{name}_payload": word(words[cycle - 1], config.operand_bits)}
                step |= {f"{name}_valid": 1}
        steps.append(step)
    return steps


class Played:
    """What came out of a mapped engine in every cycle, in all experiments.

    `flips` gives for a cycle the experiments in which a flip-flop is flipped.
    """

    def __init__(self, module: Any, steps: list[Any], lanes: int, flips: dict[int, Any]) -> None:
        block = MappedBlock(module, lanes)
        self.outputs: list[dict[str, int]] = []
        for cycle, step in enumerate(steps):
            for lane, name in flips.get(cycle, ()):
                block.state[name] ^= 1 << lane
            inputs = {}
            for port in module.inputs:
                name, _, index = port.partition("[")
                bit = step.get(name, 0) >> int(index.rstrip("]") or 0) & 1
                inputs[port] = block.ones if bit else 0
            block.settle(inputs)
            self.outputs.append({name: block.output(name) for name in module.outputs})
            block.tick()
        self.golden = 1 << (lanes - 1)

    def value(self, cycle: int, stem: str, lane: int) -> int:
        """Return an output as a number."""
        return sum(
            (value >> lane & 1) << int(name.partition("[")[2].rstrip("]") or 0)
            for name, value in self.outputs[cycle].items()
            if name.partition("[")[0] == stem
        )

    def fired(self, name: str) -> int:
        """Return the experiments in which an output was ever 1."""
        found = 0
        for outputs in self.outputs:
            found |= outputs[name]
        return found

    def wrong(self) -> int:
        """Return the experiments in which a beat had wrong data."""
        found = 0
        for outputs in self.outputs:
            valid = outputs["o_valid"] & self.golden
            for name, value in outputs.items():
                if valid and name.startswith("o_payload"):
                    found |= value ^ (-1 if value & self.golden else 0)
        return found & (self.golden * 2 - 1)


def flops_in(module: Any, part: str) -> list[tuple[str, str]]:
    """Return flip-flops (net, cell) whose net has `part` in its name."""
    block = MappedBlock(module, 1)
    found = []
    for name, flop in block.flops.items():
        nets = [net for net in module.names.get(flop.pins["Q"], ()) if part in net]
        found += [(min(nets, key=len), name)] if nets else []
    return found


@pytest.mark.parametrize("checksum", ["row", "full"])
@pytest.mark.parametrize("pipeline", [0, 1, 2])
def test_results_are_what_they_were_whoever_waits(checksum: str, pipeline: int) -> None:
    config = config_of(checksum, pipeline=pipeline, operand_bits=8, accum_bits=20, cols=5)
    rng = np.random.default_rng(pipeline)
    cases = [(job := config.plan(*s), *config.random(job, rng)) for s in ((4, 7, 8), (1, 3, 2))]
    run = run_jobs(config, cases, a=(True, False, True), o=(True, True, False))
    for (job, A, B), found in zip(cases, run.results, strict=True):
        np.testing.assert_array_equal(found, config.golden(job, (A, B)))


@pytest.mark.parametrize("checksum", ["row", "full"])
def test_no_alarm_without_a_fault_and_one_in_the_self_test(checksum: str) -> None:
    config = config_of(checksum)
    module = netlist_of(config)
    for inject in (0, 1):
        played = Played(module, steps_of(config, (5, 6, 7), inject), 1, {})
        alarms = [name for name in module.outputs if name.startswith("error_detected")]
        assert len(alarms) == (4 if checksum == "full" else 1)
        assert [played.fired(name) for name in alarms] == [inject] * len(alarms)


def test_every_wrong_accumulator_is_located() -> None:
    """Every bit of every accumulator, in every cycle in which it holds a part of a sum."""
    config = config_of("full")
    module = netlist_of(config)
    cells = [
        (row, column, cell)
        for row in range(3)
        for column in range(3)
        for _, cell in flops_in(module, f"row_{row}.pe_{column}.accum")
    ]
    assert len(cells) == 9 * config.accum_bits
    steps = steps_of(config, (3, 6, 3))
    flops = [(cycle, *cell) for cycle in range(5, 18) for cell in cells]
    flips: dict[int, Any] = {}
    for lane, (cycle, _, _, cell) in enumerate(flops):
        flips.setdefault(cycle, []).append((lane, cell))
    played = Played(module, steps, len(flops) + 1, flips)
    beats = [at for at, out in enumerate(played.outputs) if out["o_valid"] & played.golden]
    assert len(beats) == 3
    wrong = played.wrong()
    reached: dict[tuple[int, int], int] = {}
    for lane, (_, row, column, _) in enumerate(flops):
        columns = [c for c in range(3) if played.fired(f"error_detected[{1 + c}]") >> lane & 1]
        rows = [at for at, out in enumerate(played.outputs) if out["error_detected[0]"] >> lane & 1]
        if wrong >> lane & 1:
            reached[row, column] = reached.get((row, column), 0) + 1
            assert columns == [column]
            assert rows == [beats[row] + row_latency(3)]
        else:
            assert not columns
            assert not rows
    assert len(reached) == 9
    assert min(reached.values()) >= 5 * config.accum_bits


@pytest.mark.parametrize(
    ("checksum", "most"), [("row", 0.01), ("full", 0.0)]
)  # fmt: skip
def test_faults_before_the_accumulators_are_seen(checksum: str, most: float) -> None:
    """Operands in buffers, skew registers and the array; products, results on their way."""
    config = config_of(checksum)
    module = netlist_of(config)
    steps = steps_of(config, (6, 5, 5))
    parts = ("array.", "buffer_a.bank0", "buffer_b.bank0", "buffer_a.word", "buffer_b.word",
             "results.column")  # fmt: skip
    flops = {cell for part in parts for net, cell in flops_in(module, part) if "last" not in net}
    rng = np.random.default_rng(8)
    lanes = [(int(cycle), cell) for cell in sorted(flops) for cycle in rng.integers(4, 40, 3)]
    flips: dict[int, Any] = {}
    for lane, (cycle, cell) in enumerate(lanes):
        flips.setdefault(cycle, []).append((lane, cell))
    played = Played(module, steps, len(lanes) + 1, flips)
    alarm = 0
    for name in module.outputs:
        if name.startswith("error_detected"):
            alarm |= played.fired(name)
    wrong = played.wrong()
    assert wrong.bit_count() > 300
    assert (wrong & ~alarm).bit_count() <= most * wrong.bit_count()


def test_what_a_checksum_cannot_check_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"checksum='row' checks sums of integers.*dataflow='ws'"):
        MatrixConfig(dataflow="ws", checksum="row")
    with pytest.raises(ConfigError, match="checksum='both' is not known"):
        MatrixConfig(checksum="both")


def test_engines_without_a_checksum_are_what_they_were() -> None:
    """The text of the Verilog keys every cache."""
    config = MatrixConfig(rows=4, cols=4, a_depth=16, b_depth=16)
    assert "checksum" not in repr(config)
    text = export(config, "kiln_x")
    assert text.digest == "6362bc278fab227fb21d564061924512c3f498a4a4eb789468d13e5dbf6d98c6"
