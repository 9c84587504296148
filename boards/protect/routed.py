"""The manifest after place and route: what the router was given, less what it has not placed.

nextpnr's netlist has its cells by the names that synthesis gave them, each with its place. What it
packs into a cell of another name, such as a multiplexer behind two look-up tables, is there if the
net that it drives is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from boards.flows.routing import Count
from boards.netlist import read_netlist
from hw.contracts import tree_digest

from .manifest import Manifest, check_manifest

__all__ = ["check_routed", "routed_count"]

_HERE = Path(__file__).parent
_PLACE = "NEXTPNR_BEL"
_PACKED = ("PFUMX", "L6MUX21", "CCU2C", "TRELLIS_DPR16X4")
"""Cells that become part of others."""


def routed_count(manifest: Manifest, top: str) -> Count:
    """Return the check of a routed netlist, for `boards.flows.routing`; ECP5 only."""

    def count(flat: bytes, routed: bytes) -> dict[str, int]:
        return check_routed(json.loads(flat), json.loads(routed), manifest, top)

    return Count(key=f"{manifest.to_json()} {tree_digest([_HERE], ('.py',))}", of=count)


def check_routed(
    flat: Mapping[str, Any], routed: Mapping[str, Any], manifest: Manifest, top: str
) -> dict[str, int]:
    """Count the redundancy in a routed netlist; return the counts.

    Parameters
    ----------
    flat : mapping
        What the router was given, as Yosys writes it.
    routed : mapping
        What it wrote.

    Raises
    ------
    ManifestError
        A replica, a voter, a checker or memory bits are in no place.
    """
    (module,) = routed["modules"].values()
    placed = {name for name, cell in module["cells"].items() if _PLACE in cell["attributes"]}
    placed.update(_packed(flat["modules"], top, "", set(module["netnames"])))
    return check_manifest(read_netlist(flat, top), manifest, "routing", placed)


def _packed(modules: Mapping[str, Any], name: str, prefix: str, nets: set[str]) -> Iterator[str]:
    """Yield the cells of a module that became parts of others, and drive nets that are there."""
    labels: dict[Any, list[str]] = {}
    for net, about in modules[name]["netnames"].items():
        low, bits = int(about.get("offset", 0)), about["bits"]
        for at, bit in enumerate(bits):
            shown = net if len(bits) == 1 else f"{net}[{low + at}]"
            labels.setdefault(bit, []).append(prefix + shown)
    for cell, about in modules[name]["cells"].items():
        inside = modules.get(about["type"])
        if about["type"] in _PACKED:
            if any(not nets.isdisjoint(labels.get(bit, ())) for bit in _outputs(about)):
                yield prefix + cell
        elif inside is not None and not _is_cell(inside):
            yield from _packed(modules, about["type"], f"{prefix}{cell}.", nets)


def _outputs(cell: Mapping[str, Any]) -> Iterator[Any]:
    for pin, bits in cell["connections"].items():
        if cell["port_directions"].get(pin) == "output":
            yield from bits


def _is_cell(module: Mapping[str, Any]) -> bool:
    return not {"blackbox", "whitebox"}.isdisjoint(module.get("attributes", {}))
