"""Protected designs on ECP5: block RAMs stay so, and what is missing after routing is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boards.cache import Cache
from boards.flows import Count, routing, synthesis, used
from boards.frozen import Frozen, freeze
from boards.netlist import read_netlist
from boards.protect import (
    Manifest,
    ManifestError,
    Plan,
    Protected,
    check_manifest,
    for_block_ram,
    map_sky130,
    protect,
)
from boards.protect.block_ram import read_registers
from boards.protect.routed import check_routed, routed_count
from boards.target import load_target
from hw.export import ExportedDesign, ExportedModule, export
from hw.matrix import MatrixConfig

BLOCKS = Path(__file__).parents[1] / "frozen" / "blocks.v"
ECP5 = load_target("ecpix5-85f")
SECDED = Plan(flops={"p": "tmr", "q": "dwc"}, memories={"": "secded"})
LOCKSTEP = Plan(flops={"": "lockstep"}, memories={"": "lockstep"})


def frozen(loose: bool = True) -> Frozen:
    mark = "(* no_rw_check *) " if loose else ""
    return freeze(BLOCKS.read_text().replace("reg [15:0] mem", f"{mark}reg [15:0] mem"), "blocks")


def made(plan: Plan) -> Protected:
    return protect(*for_block_ram(frozen(), plan))


def design(text: str) -> ExportedDesign:
    module = ExportedModule(name="blocks", verilog=text, count=1, children={})
    return ExportedDesign(top="blocks", modules=(module,), ports=(), config=None)


def test_registers_of_block_rams_have_no_protection_of_their_own() -> None:
    netlist, plan = for_block_ram(frozen(), SECDED)
    assert [flop.name for _, flop in read_registers(netlist)] == ["q"]
    assert plan.of_flop("q") == "none"
    assert plan.of_flop("p") == "tmr"
    assert for_block_ram(frozen(), LOCKSTEP)[1] is LOCKSTEP  # a second block RAM
    alone = Plan(flops={"": "lockstep"})
    assert for_block_ram(frozen(), alone)[1].of_flop("q") == "none"


def test_a_checker_never_sees_a_word_that_may_be_anything() -> None:
    assert frozen().memories[0].loose
    assert not for_block_ram(frozen(), SECDED)[0].memories[0].loose
    assert for_block_ram(frozen(), Plan(flops={"p": "tmr"}))[0].memories[0].loose


def test_a_small_memory_keeps_the_protection_of_its_register() -> None:
    text = BLOCKS.read_text().replace("mem [0:511]", "mem [0:63]").replace("i < 512", "i < 64")
    netlist = freeze(text, "blocks")
    assert for_block_ram(netlist, SECDED)[1] is SECDED


@pytest.mark.parametrize(("plan", "rams"), [(SECDED, 1), (LOCKSTEP, 2)])
def test_a_protected_memory_is_of_block_rams(plan: Plan, rams: int, cache: Cache) -> None:
    protected = made(plan)
    found = synthesis(design(protected.verilog), ECP5, cache=cache)
    assert used(found.metrics, "bram") == rams  # 26 bits wide are one block as well
    assert used(found.metrics, "lutram") == 0
    assert used(found.metrics, "dsp") == 2 * (2 if plan is LOCKSTEP else 1)
    counts = check_manifest(read_netlist(found.netlist, "blocks"), protected.manifest)
    assert counts.get("memory bits", 0) == (26 if plan is SECDED else 0)


def test_check_bits_that_synthesis_removes_are_missed(cache: Cache) -> None:
    protected = made(SECDED)
    text = protected.verilog.replace("r0_0[25:16]", "10'd0")
    assert text != protected.verilog
    found = synthesis(design(text), ECP5, cache=cache)
    with pytest.raises(ManifestError, match="mem: words of 26 bits wanted, 16 found"):
        check_manifest(read_netlist(found.netlist, "blocks"), protected.manifest)


def caught(kept: list[bytes]) -> Count:
    """Return a count that keeps what it is given."""

    def keep(flat: bytes, routed: bytes) -> dict[str, int]:
        kept[:] = [flat, routed]
        return {}

    return Count(key="kept", of=keep)


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Plan], tuple[Any, Any, Manifest]]:
    cache = Cache(tmp_path_factory.mktemp("routed"))
    found: dict[int, tuple[Any, Any, Manifest]] = {}

    def get(plan: Plan) -> tuple[Any, Any, Manifest]:
        if id(plan) not in found:
            protected, kept = made(plan), []  # type: ignore[var-annotated]
            routing(design(protected.verilog), ECP5, cache=cache, count=caught(kept))
            flat, routed = map(json.loads, kept)
            found[id(plan)] = flat, routed, protected.manifest
        return found[id(plan)]

    return get


@pytest.mark.parametrize(
    ("plan", "cell", "said"),
    [
        (SECDED, r"p$tmr2_TRELLIS_FF", "p$0, p$tmr1, p$tmr2: 96 flip-flops wanted, 95 found"),
        (SECDED, "mem.0.0", "mem.0.0: a RAM block wanted, none found; mem: words of 26 bits"),
        (LOCKSTEP, "shadow.p_TRELLIS_FF", "p, shadow.p: 64 flip-flops wanted, 63 found"),
        (LOCKSTEP, "shadow.mem.0.0", "shadow.mem.0.0: a RAM block wanted, none found"),
    ],
)
def test_what_the_router_leaves_out_is_missed(
    routed: Callable[[Plan], tuple[Any, Any, Manifest]], plan: Plan, cell: str, said: str
) -> None:
    flat, whole, manifest = routed(plan)
    assert check_routed(flat, whole, manifest, "blocks")["flops"] >= 64
    (module,) = whole["modules"].values()
    names = sorted(module["cells"], key=len)  # a block before the registers that are called so
    name = next(name for name in names if name.startswith(cell))
    left = {n: c for n, c in module["cells"].items() if n != name}
    without = {"modules": {"top": {**module, "cells": left}}}
    with pytest.raises(ManifestError) as error:
        check_routed(flat, without, manifest, "blocks")
    assert str(error.value).startswith("routing of blocks removed redundancy: ")
    assert said in str(error.value)


def test_a_cell_without_a_place_does_not_count(
    routed: Callable[[Plan], tuple[Any, Any, Manifest]],
) -> None:
    flat, whole, manifest = routed(SECDED)
    (module,) = whole["modules"].values()
    name = next(name for name in module["cells"] if name.startswith("p$tmr1_TRELLIS_FF"))
    cells = {**module["cells"], name: {**module["cells"][name], "attributes": {}}}
    with pytest.raises(ManifestError, match="96 flip-flops wanted, 95 found"):
        check_routed(flat, {"modules": {"top": {**module, "cells": cells}}}, manifest, "blocks")


def test_counts_are_kept_with_the_routing(cache: Cache) -> None:
    protected = made(SECDED)
    count = routed_count(protected.manifest, "blocks")
    first = routing(design(protected.verilog), ECP5, cache=cache, count=count)
    again = routing(design(protected.verilog), ECP5, cache=cache, count=count)
    assert first.counts == again.counts
    assert first.counts["flops"] >= 96
    wanted = replace(protected.manifest, voters={"missing": 1})
    with pytest.raises(ManifestError, match="missing: 1 voters wanted, 0 found"):
        routing(design(protected.verilog), ECP5, cache=cache, count=routed_count(wanted, "blocks"))


def test_a_manifest_of_an_older_run_is_read() -> None:
    text = json.dumps({"replicas": [], "voters": {}, "checkers": {}, "modules": {"x": 1}})
    assert Manifest.from_json(text) == Manifest(modules={"x": 1})


@pytest.mark.parametrize(("scheme", "wide"), [("parity", 18), ("secded", 26)])
def test_a_macro_that_has_the_check_bits_in_its_own_register_is_counted(
    scheme: str, wide: int
) -> None:
    protected = protect(frozen(), Plan(memories={"": scheme}))
    mapped = map_sky130(protected.verilog, "blocks", protected.manifest, flat=True)
    counts = check_manifest(mapped.netlist, protected.manifest)
    assert counts["memory bits"] == wide
    less = map_sky130(protected.verilog.replace("r0_0[25:16]", "10'd0"), "blocks", flat=True)
    if scheme == "secded":
        with pytest.raises(ManifestError, match="mem: words of 26 bits wanted, 16 found"):
            check_manifest(less.netlist, protected.manifest)


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "rams"), [("parity", 2), ("secded", 4)])
def test_an_engine_with_coded_memories_takes_the_blocks_that_its_words_need(
    scheme: str, rams: int, cache: Cache
) -> None:
    """1,024 words of 16 bits: 17 are a block as well, 22 are two; products stay DSPs."""
    config = MatrixConfig(rows=2, cols=2, a_depth=1024, b_depth=1024)
    netlist = freeze(export(config, "kiln_matrix").verilog, "kiln_matrix")
    plan = Plan(memories={"core.buffer": scheme})
    protected = protect(*for_block_ram(netlist, plan))
    module = ExportedModule(name="kiln_matrix", verilog=protected.verilog, count=1, children={})
    built = ExportedDesign(top="kiln_matrix", modules=(module,), ports=(), config=None)
    found = synthesis(built, ECP5, cache=cache)
    assert used(found.metrics, "bram") == rams
    assert used(found.metrics, "dsp") == 4
    check_manifest(read_netlist(found.netlist, "kiln_matrix"), protected.manifest)
