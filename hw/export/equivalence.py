"""Formal proof that two Verilog texts are the same hardware, by induction over their registers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..contracts import KilnError
from .design import ExportedDesign
from .names import identifier
from .yosys import run_yosys

__all__ = ["prove_equivalent"]


def prove_equivalent(first: ExportedDesign, second: ExportedDesign, *, steps: int = 4) -> int:
    """Prove that every output and register of two designs agrees in every cycle.

    Registers correspond if any of their hierarchical names do. Memories are taken apart into
    registers, so that designs with small buffers are proved in seconds.

    Parameters
    ----------
    first, second : ExportedDesign
        Designs with the same ports, such as the shared and the flat export of one configuration.
    steps : int
        Depth of the induction, in cycles.

    Returns
    -------
    int
        Bits that were compared.

    Raises
    ------
    KilnError
        They differ, or induction does not reach far enough to tell.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = [
            _netlist(design, folder / f"{side}.il")
            for side, design in (("gold", first), ("gate", second))
        ]
        for side, text in zip(("gold", "gate"), _match(*texts), strict=True):
            (folder / f"{side}.il").write_text(text)
        log = run_yosys(
            f"read_rtlil {folder / 'gold.il'}",
            f"read_rtlil {folder / 'gate.il'}",
            "splitnets w:register_*",  # a register may be narrower where nobody reads its high bits
            "equiv_make gold gate equiv",
            "hierarchy -top equiv",
            "opt_clean",
            "equiv_simple",
            f"equiv_induct -seq {steps}",
            "equiv_status",
        )
    return _read_status(log)


def _netlist(design: ExportedDesign, path: Path) -> str:
    """Return `design` as one RTLIL module named after the file."""
    source = path.with_suffix(".v")
    source.write_text(design.verilog)
    run_yosys(
        f"read_verilog {source}",
        f"hierarchy -top {design.top}",
        "proc",
        "flatten",
        "memory -nordff",
        "opt_clean",
        f"rename {design.top} {path.stem}",
        f"write_rtlil {path}",
    )
    return path.read_text()


_WIRE = re.compile(r"^  wire (?:width (\d+) )?(.*?)(\\\S+)$", re.MULTILINE)
_STATE = re.compile(r"^  cell \$s?dff\w* .*?^    connect \\Q (\\\S+)$", re.MULTILINE | re.DOTALL)
_ALIAS = re.compile(r"^  connect (\\\S+) (\\\S+)$", re.MULTILINE)


def _match(gold: str, gate: str) -> Iterator[str]:
    """Give corresponding registers of both texts one name; hide all other names but ports."""
    names: list[dict[str, str]] = [{}, {}]
    known = {name: register for register in _registers(gate) for name in register}
    for number, register in enumerate(_registers(gold)):
        partner = next((known[name] for name in register if name in known), None)
        if partner is not None:
            names[0][register[next(iter(register))]] = f"\\register_{number}"
            names[1].setdefault(partner[next(iter(partner))], f"\\register_{number}")
    for text, new in zip((gold, gate), names, strict=True):
        wires = {name: (width, port) for width, port, name in _WIRE.findall(text)}
        yield re.sub(r"\\[^\s\\]\S*", lambda m: _renamed(m[0], wires, new), text)  # noqa: B023


def _renamed(name: str, wires: dict[str, tuple[str, str]], new: dict[str, str]) -> str:
    if name in new:
        return new[name]
    if name in wires and not re.search(r"input|output", wires[name][1]):
        return f"$hidden{name[1:]}"
    return name


def _registers(text: str) -> list[dict[str, str]]:
    """Return each register as its plain names, all leading to the name it has in `text`."""
    aliases: dict[str, list[str]] = {}
    for alias, wire in _ALIAS.findall(text):
        aliases.setdefault(wire, []).append(alias)
    return [
        {_plain(name): wire for name in (wire, *aliases.get(wire, []))}
        for wire in _STATE.findall(text)
    ]


def _plain(name: str) -> str:
    """Return a hierarchical name as both ways of writing Verilog would spell it."""
    return ".".join(identifier(step) for step in name[1:].split("."))


def _read_status(log: str) -> int:
    status = log.rsplit("Executing EQUIV_STATUS pass", 1)[-1]
    found = re.search(r"(\d+) are proven and (\d+) are unproven", status)
    if found is None:
        raise KilnError("Yosys reports no result of the proof; run `dse doctor` to check the tools")
    if int(found[2]):
        signals = sorted(set(re.findall(r"Unproven \$equiv \S+ (\S+)_gold", status)))
        raise KilnError(
            f"{found[2]} of {int(found[1]) + int(found[2])} bits are not proved equal, such as "
            f"{', '.join(signals[:4])}; compare the designs by simulation, or prove more steps"
        )
    return int(found[1])
