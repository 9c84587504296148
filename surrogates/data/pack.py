"""A dataset in one file: what the repository carries, and what is exchanged.

An xz-compressed tar of three members: ``designs.jsonl`` and ``measured.jsonl``, a record to a line,
and ``graphs.npz``, all modules' graphs one after the other.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, write_atomic
from surrogates.graphs import FEATURES, ModuleGraph

from .folder import DatasetFolder
from .record import DesignRecord, Measurement

__all__ = ["pack", "unpack"]

_DESIGNS, _MEASURED, _GRAPHS = "designs.jsonl", "measured.jsonl", "graphs.npz"
Arrays = dict[str, NDArray[Any]]


def pack(folder: DatasetFolder, path: Path) -> dict[str, int]:
    """Write a folder's records and graphs into one file; return how many there are of each."""
    designs, measured = list(folder.designs()), list(folder.measurements())
    digests = sorted({m.digest for design in designs for m in design.modules.values()})
    members = {
        _DESIGNS: _lines(design.to_json() for design in designs),
        _MEASURED: _lines(found.to_json() for found in measured),
        _GRAPHS: _packed(_joined({digest: folder.graph(digest) for digest in digests})),
    }
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:xz", preset=9) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    write_atomic(path, whole.getvalue())
    return {"designs": len(designs), "measurements": len(measured), "modules": len(digests)}


def unpack(path: Path, folder: DatasetFolder) -> dict[str, int]:
    """Add what `pack` wrote to a folder; return how many designs and measurements were new.

    Raises
    ------
    ConfigError
        The file is no packed dataset.
    """
    try:
        with tarfile.open(path, mode="r:xz") as tar:
            members = {name: _read(tar, name) for name in (_DESIGNS, _MEASURED, _GRAPHS)}
        with np.load(io.BytesIO(members[_GRAPHS])) as stored:
            graphs = _split({name: stored[name] for name in stored})
        designs = [DesignRecord.from_json(line) for line in _records(members[_DESIGNS])]
        measured = [Measurement.from_json(line) for line in _records(members[_MEASURED])]
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError, EOFError) as error:
        raise ConfigError(
            f"{path} is no packed dataset ({error}); make one with `dse dataset --pack`"
        ) from None
    new = {"designs": 0, "measurements": 0}
    for design in designs:
        found = [graphs[module.digest] for module in design.modules.values()]
        new["designs"] += folder.add(design, found)
    for one in measured:
        if not folder.has(one.design, one.key):
            folder.put(one)
            new["measurements"] += 1
    return new


def _lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    lines = (json.dumps(r, separators=(",", ":"), sort_keys=True) + "\n" for r in records)
    return "".join(lines).encode()


def _records(content: bytes) -> Iterable[dict[str, Any]]:
    return (json.loads(line) for line in content.decode().splitlines())


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    if member is None:
        raise KeyError(name)
    return member.read()


def _packed(arrays: Arrays) -> bytes:
    made = io.BytesIO()
    np.savez(made, **arrays)  # type: ignore[arg-type]  # xz compresses all of it at once
    return made.getvalue()


def _joined(graphs: Mapping[str, ModuleGraph]) -> Arrays:
    """Return all graphs as a few arrays; edges as steps, which compress better."""
    found = list(graphs.values())
    edges = np.concatenate([graph.edges for graph in found] or [np.zeros((0, 3), np.int32)])
    names = [name for graph in found for name in graph.children.values()]
    features = np.concatenate([graph.features for graph in found])
    return {
        "digests": np.array(list(graphs)),
        "nodes": np.array([len(graph.kinds) for graph in found]),
        "edges": np.array([len(graph.edges) for graph in found]),
        "children": np.array([len(graph.children) for graph in found]),
        "kinds": np.concatenate([graph.kinds for graph in found]),
        **{f"feature_{name}": features[:, at] for at, name in enumerate(FEATURES)},
        "from_back": edges[:, 1] - edges[:, 0],
        "to_step": np.diff(edges[:, 1], prepend=0),
        "bits": edges[:, 2],
        "child_nodes": np.array([n for graph in found for n in graph.children], dtype=np.int32),
        "child_names": np.array(names, dtype=np.str_),
    }


def _split(arrays: Arrays) -> dict[str, ModuleGraph]:
    to = np.cumsum(arrays["to_step"])
    edges = np.stack([to - arrays["from_back"], to, arrays["bits"]], axis=1).astype(np.int32)
    features = np.stack([arrays[f"feature_{name}"] for name in FEATURES], axis=1)
    ends = {name: np.cumsum(arrays[name]).tolist() for name in ("nodes", "edges", "children")}
    graphs = {}
    for at, digest in enumerate(arrays["digests"].tolist()):
        node, edge, child = (
            slice(end[at - 1] if at else 0, end[at])
            for end in (ends["nodes"], ends["edges"], ends["children"])
        )
        nodes, names = arrays["child_nodes"][child].tolist(), arrays["child_names"][child].tolist()
        graphs[digest] = ModuleGraph(
            kinds=arrays["kinds"][node],
            features=features[node].astype(np.int32),
            edges=edges[edge],
            children=dict(zip(nodes, names, strict=True)),
        )
    return graphs
