"""What is written for synthesis is the source's, cycle by cycle, and maps to the same blocks."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from boards.cache import Cache
from boards.flows import synthesis, used
from boards.frozen import Frozen, freeze, sources_of, write_verilog
from boards.protect import with_plain_enables
from boards.target import load_target
from hw.export import ExportedDesign, ExportedModule, export
from hw.matrix import MatrixConfig
from sim.faults.original.simulate import simulate

BLOCKS = Path(__file__).with_name("blocks.v")


def written(netlist: Frozen) -> str:
    return write_verilog(with_plain_enables(netlist), synthesis=True)


def exported(text: str, top: str) -> ExportedDesign:
    module = ExportedModule(name=top, verilog=text, count=1, children={})
    return ExportedDesign(top=top, modules=(module,), ports=(), config=None)


def blocks(text: str, top: str, target: str, cache: Cache) -> dict[str, float]:
    found = synthesis(exported(text, top), load_target(target), cache=cache).metrics
    return {name: used(found, name) for name in ("dsp", "bram", "lutram", "ff")}


def test_collisions_bytes_and_products_are_exact() -> None:
    sources, netlist = sources_of([BLOCKS]), freeze([BLOCKS], "blocks")
    rng = random.Random(3)
    steps = [
        {
            **{port.name: rng.getrandbits(len(port.bits)) for port in netlist.inputs},
            "ra": rng.randrange(4),  # few, so that words are read while they are written
            "wa": rng.randrange(4),
        }
        for _ in range(2000)
    ]
    same = sum(step["ra"] == step["wa"] and step["re"] and step["we"] for step in steps)
    assert same > 100
    original = simulate(sources, netlist, steps)
    np.testing.assert_array_equal(original, simulate(sources_of(written(netlist)), netlist, steps))
    assert len(np.unique(original, axis=0)) > 500


def test_a_source_that_does_not_care_is_written_so() -> None:
    text = BLOCKS.read_text()
    assert not freeze(text, "blocks").memories[0].loose
    assert "no_rw_check" not in written(freeze(text, "blocks"))
    careless = text.replace("reg [15:0] mem", "(* no_rw_check *) reg [15:0] mem")
    for source in (careless, written(freeze(careless, "blocks"))):
        assert freeze(source, "blocks").memories[0].loose
    assert "no_rw_check" not in write_verilog(freeze(careless, "blocks"))  # simulation does care


def test_memories_that_begin_empty_are_left_out_of_synthesis() -> None:
    from boards.flows.scripts import source_text

    text = written(freeze(BLOCKS.read_text(), "blocks"))
    assert "initial for" in text
    assert "initial for" not in source_text(text)


@pytest.mark.parametrize("target", ["ecpix5-85f", "alveo-u55c"])
def test_blocks_are_those_of_the_source(target: str, cache: Cache) -> None:
    text = BLOCKS.read_text().replace("reg [15:0] mem", "(* no_rw_check *) reg [15:0] mem")
    source = blocks(text, "blocks", target, cache)
    assert source["bram"] in (0.5, 1)
    assert source["dsp"] == 2
    assert blocks(written(freeze(text, "blocks")), "blocks", target, cache) == source


@pytest.mark.slow
def test_an_engine_has_the_blocks_of_its_source(cache: Cache) -> None:
    config = MatrixConfig(rows=2, cols=2, a_depth=1024, b_depth=1024)
    text = export(config, "kiln_matrix").verilog
    source = blocks(text, "kiln_matrix", "ecpix5-85f", cache)
    found = blocks(written(freeze(text, "kiln_matrix")), "kiln_matrix", "ecpix5-85f", cache)
    assert {name: found[name] for name in ("dsp", "bram", "lutram")} == {
        name: source[name] for name in ("dsp", "bram", "lutram")
    }
    assert found["dsp"] == 4
    assert found["bram"] == 2
    assert found["ff"] <= 1.02 * source["ff"]
