"""Replicas are counted whatever they are mapped to."""

from __future__ import annotations

from typing import Any

import pytest

from boards.flows.scripts import MAPPED_FILE, source_text, synthesis_script
from boards.flows.synthesis import run_yosys
from boards.netlist import Netlist, read_netlist
from boards.protect import Manifest, ManifestError, Replicas, check_manifest
from boards.target import load_target
from boards.tools import require_tool
from hw.export import export
from hw.protect import DwcRegister, TmrRegister


def mapped(text: str, target: str) -> Netlist:
    script = synthesis_script(load_target(target), "x")
    files = {"design.v": source_text(text)}
    _, made = run_yosys(require_tool("yosys"), script, files, (MAPPED_FILE,), 300.0)
    return read_netlist(made[MAPPED_FILE].decode(), "x")


@pytest.mark.parametrize("target", ["ecpix5-85f", "icebreaker"])
@pytest.mark.parametrize("register", [TmrRegister(8), DwcRegister(8)])
def test_replicas_survive_on_fpgas_and_are_missed_without_keep(target: str, register: Any) -> None:
    manifest = Manifest((Replicas(register.replicas, 8),))
    text = export(type(register)(8), "x", axi=False).verilog
    wanted = 8 * len(register.replicas)
    assert check_manifest(mapped(text, target), manifest)["flops"] == wanted
    with pytest.raises(ManifestError, match=f"{wanted} flip-flops wanted, 8 found"):
        check_manifest(mapped(text.replace("(* keep *)", ""), target), manifest)
