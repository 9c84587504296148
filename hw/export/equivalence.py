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
        "splitnets",  # bits that nobody reads may be missing in one of the two
        f"rename {design.top} {path.stem}",
        f"write_rtlil {path}",
    )
    return path.read_text()


_WIRE = re.compile(r"^  wire (?:width \d+ )?(.*?)(\\\S+)$", re.MULTILINE)
_WIDTH = re.compile(r"^  wire (?:width (\d+) )?.*?(\\\S+)$", re.MULTILINE)
_STATE = re.compile(r"^  cell \$s?dff\w* .*?^    connect \\Q (.+?)$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"^  connect (\\\S+(?: \[[\d:]+\])?|\{.*?\}) (.+)$", re.MULTILINE)
_NAME = re.compile(r"\\\S+")
_PART = re.compile(r"(\\\S+)(?: \[(\d+)(?::(\d+))?\])?|(\d+)'[01xz]+")


def _match(gold: str, gate: str) -> Iterator[str]:
    """Give corresponding register bits of both texts one name; hide all others but ports."""
    gold_names: dict[str, str] = {}
    gate_names: dict[str, str] = {}
    known = {name: wire for wire, names in _registers(gate) for name in names}
    for number, (wire, names) in enumerate(_registers(gold)):
        partner = next((known[name] for name in names if name in known), None)
        if partner is not None and partner not in gate_names:
            gold_names[wire] = gate_names[partner] = f"\\register_{number}"
    for text, new in ((gold, gold_names), (gate, gate_names)):
        inner = {name for port, name in _WIRE.findall(text) if not re.search("put", port)}
        new |= {name: f"$hidden{name[1:]}" for name in inner if name not in new}
        yield _NAME.sub(lambda found, new=new: new.get(found[0], found[0]), text)  # type: ignore


def _registers(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each bit of the state with all its names, spelt as any way of writing Verilog would."""
    widths = {name: int(width or 1) for width, name in _WIDTH.findall(text)}
    aliases: dict[str, list[str]] = {}
    for target, source in _LINK.findall(text):
        for alias, wire in zip(_bits(target, widths), _bits(source, widths), strict=False):
            aliases.setdefault(wire, []).append(alias)
    for state in _STATE.findall(text):
        for wire in _bits(state, widths):
            yield wire, [identifier(name) for name in (wire, *aliases.get(wire, []))]


def _bits(sig: str, widths: dict[str, int]) -> Iterator[str]:
    """Yield the name of each bit of a signal, highest first."""
    for name, high, low, constant in _PART.findall(sig):
        if constant:
            yield from [""] * int(constant)
        elif high:
            yield from (f"{name}[{bit}]" for bit in range(int(high), int(low or high) - 1, -1))
        elif widths.get(name, 1) > 1:
            yield from (f"{name}[{bit}]" for bit in range(widths[name] - 1, -1, -1))
        else:
            yield name


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
