"""Codes and registers, exhaustively, in sky130 gates after their redundancy was counted."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from boards.netlist import Module
from boards.protect import Manifest, ManifestError, MappedBlock, Replicas, map_sky130
from hw.contracts import ConfigError
from hw.export import export
from hw.protect import (
    CLEAN,
    CORRECTED,
    DETECTED,
    DwcRegister,
    HsiaoCode,
    HsiaoCorrector,
    HsiaoEncoder,
    ParityRegister,
    TmrRegister,
)


def mapped(component: Any, manifest: Manifest | None = None) -> Module:
    design = export(component, "x", axi=False)
    netlist = map_sky130(design.verilog, "x", manifest).netlist
    return netlist.modules["x"]


def columns(words: list[int], width: int, name: str) -> dict[str, int]:
    """Return port bits with a word in each experiment."""
    return {
        (f"{name}[{at}]" if width > 1 else name): sum(
            (word >> at & 1) << i for i, word in enumerate(words)
        )
        for at in range(width)
    }


def words(block: MappedBlock, name: str, width: int) -> list[int]:
    """Return an output in each experiment."""
    bits = [block.output(f"{name}[{at}]" if width > 1 else name) for at in range(width)]
    return [sum((bit >> i & 1) << at for at, bit in enumerate(bits)) for i in range(block.lanes)]


@pytest.mark.parametrize(
    ("data", "check"),
    [(1, 3), (4, 4), (8, 5), (11, 5), (16, 6), (26, 6), (32, 7), (57, 7), (64, 8), (128, 9)],
)  # fmt: skip
def test_codes_are_minimal_odd_and_distinct(data: int, check: int) -> None:
    code = HsiaoCode(data_bits=data)
    assert code.check_bits == check
    # One fewer has too few columns of odd weight, weight 1 being those of the check bits.
    assert check == 3 or (1 << (check - 2)) - (check - 1) < data
    assert len(set(code.columns)) == code.bits
    assert all(column.bit_count() % 2 for column in code.columns)
    weights = [len(row) for row in code.rows]
    assert max(weights) - min(weights) <= (3 if data > 4 else 4)


@pytest.mark.parametrize("bits", [4, 8, 16, 32, 64])
def test_every_single_error_is_corrected_and_every_double_detected_in_gates(bits: int) -> None:
    code = HsiaoCode(data_bits=bits)
    rng = np.random.default_rng(bits)
    data = [0, (1 << bits) - 1, *(int(x) & ((1 << bits) - 1) for x in rng.integers(0, 1 << 62, 2))]
    errors = [0, *(1 << a for a in range(code.bits))]
    errors += [1 << a | 1 << b for a, b in combinations(range(code.bits), 2)]
    cases = [(word, error) for word in data for error in errors]
    block = MappedBlock(mapped(HsiaoCorrector(code)), len(cases))
    block.settle(columns([code.encode(w) ^ e for w, e in cases], code.bits, "word"))
    decoded = words(block, "data", bits)
    flags = list(zip(words(block, "corrected", 1), words(block, "detected", 1), strict=True))
    for (word, error), got, flag in zip(cases, decoded, flags, strict=True):
        count = error.bit_count()
        assert flag == ((0, 0), (1, 0), (0, 1))[count], (word, error)
        assert count == 2 or got == word
        assert code.decode(code.encode(word) ^ error)[1] == (CLEAN, CORRECTED, DETECTED)[count]


def test_the_encoder_is_its_model_for_every_word_of_eight_bits() -> None:
    code = HsiaoCode(data_bits=8)
    block = MappedBlock(mapped(HsiaoEncoder(code)), 256)
    block.settle(columns(list(range(256)), 8, "data"))
    assert words(block, "word", code.bits) == [code.encode(word) for word in range(256)]


def test_the_corrector_sees_what_is_injected() -> None:
    code = HsiaoCode(data_bits=8)
    block = MappedBlock(mapped(HsiaoCorrector(code)), 4)
    block.settle(
        columns([code.encode(0x5A)] * 4, code.bits, "word") | columns([0, 1, 2, 3], 2, "inject")
    )
    assert words(block, "corrected", 1) == [0, 1, 1, 0]
    assert words(block, "detected", 1) == [0, 0, 0, 1]


def upset(block: MappedBlock, flips: list[str]) -> None:
    """Flip one flip-flop in each experiment but the last."""
    for lane, name in enumerate(flips):
        block.state[name] ^= 1 << lane


def loaded(module: Module, lanes: int, value: int, names: tuple[str, ...] = ("d",)) -> MappedBlock:
    """Return a block whose register was loaded with a value of 8 bits."""
    block = MappedBlock(module, lanes)
    word = {k: v for name in names for k, v in columns([value] * lanes, 8, name).items()}
    block.settle({"en": block.ones, **word})
    block.tick()
    return block


REPLICAS = Replicas(TmrRegister.replicas, 8)


@pytest.mark.parametrize("voters", [1, 3])
@pytest.mark.parametrize("value", [0x00, 0xFF, 0xA5])
def test_triplication_masks_every_upset(voters: int, value: int) -> None:
    module = mapped(TmrRegister(8, voters=voters), Manifest((REPLICAS,)))
    inputs = ("d", "d1", "d2")[:voters]
    block = loaded(module, 25, value, inputs)
    flops = [name for net in REPLICAS.nets for name in block.flops_of(net)]
    assert len(set(flops)) == 24
    upset(block, flops)
    block.settle({})
    for output in ("q", "q1", "q2")[:voters]:
        assert words(block, output, 8) == [value] * 25
    assert words(block, "corrected", 1) == [1] * 24 + [0]


def test_triplication_without_keep_fails_the_build() -> None:
    text = export(TmrRegister(8), "x", axi=False).verilog
    assert text.count("(* keep *)") >= 3
    with pytest.raises(ManifestError, match="24 flip-flops wanted, 8 found"):
        map_sky130(
            text.replace("(* keep *)", "").replace("(* keep = 32'b1 *)", ""),
            "x",
            Manifest((REPLICAS,)),
        )
    for flat in (False, True):
        map_sky130(text, "x", Manifest((REPLICAS,)), flat=flat)


@pytest.mark.parametrize("registered", [False, True])
def test_comparison_sees_every_upset_within_its_latency(registered: bool) -> None:
    register = DwcRegister(8, registered=registered)
    latency = register.latency
    module = mapped(register, Manifest((Replicas(DwcRegister.replicas, 8),)))
    block = loaded(module, 17, 0x3C)
    upset(block, [name for net in DwcRegister.replicas for name in block.flops_of(net)])
    for _ in range(latency):
        block.settle({})
        block.tick()
    block.settle({})
    assert words(block, "detected", 1) == [1] * 16 + [0]


def test_parity_sees_what_it_says() -> None:
    register = ParityRegister(8, groups=2)
    module = mapped(register)
    block = loaded(module, 11, 0x96)
    flops = block.flops_of("q") or block.flops_of("stored")
    assert len(block.flops) == 10
    assert len(flops) == 8
    upset(block, list(block.flops))
    block.settle({})
    assert words(block, "detected", 1) == [1] * 10 + [0]
    pair = loaded(module, 2, 0x96)  # neighbours are of different groups, every second bit is not
    by_bit = {bit: name for name in flops for bit in [_bit(module, block, name)]}
    for lane, (a, b) in enumerate([(0, 1), (0, 2)]):
        pair.state[by_bit[a]] ^= 1 << lane
        pair.state[by_bit[b]] ^= 1 << lane
    pair.settle({})
    assert words(pair, "detected", 1) == [1, 0]


def _bit(module: Module, block: MappedBlock, name: str) -> int:
    q = block.flops[name].pins["Q"]
    return next(at for at in range(8) if module.outputs[f"q[{at}]"] == q)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: HsiaoCode(data_bits=0), "data_bits=0 is out of range; use 1 to 4096"),
        (lambda: TmrRegister(8, voters=2), "voters=2 is not known; use 1 or 3"),
        (lambda: DwcRegister(4, init=16), "init=16 does not fit width=4; use 0 to 15"),
        (lambda: ParityRegister(4, groups=5), "groups=5 is out of range; use 1 to 4"),
    ],
)  # fmt: skip
def test_refusals(build: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build()
