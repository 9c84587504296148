"""Named tensors in files: `.safetensors` (read and written without its package) and `.npz`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, write_atomic

__all__ = ["read_tensors", "write_safetensors"]

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
    "BOOL": "?",
}
_MOST_HEADER = 100 << 20  # bytes; the format's own limit


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a `.safetensors` or `.npz` file by name; BF16 becomes float32."""
    if not path.is_file():
        raise ConfigError(f"{path} is no file; give a .safetensors or .npz file")
    readers = {".safetensors": _read_safetensors, ".npz": _read_npz}
    if path.suffix not in readers:
        raise ConfigError(f"{path} ends in {path.suffix!r}; give a .safetensors or .npz file")
    try:
        return readers[path.suffix](path)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path} cannot be read ({error}); download or write it again") from error


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write `tensors` in name order; equal tensors make equal files."""
    names = {np.dtype(code): name for name, code in _TYPES.items()}
    header: dict[str, Any] = {}
    pieces = []
    at = 0
    for name, tensor in sorted(tensors.items()):
        data = np.ascontiguousarray(tensor).tobytes()
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + len(data)],
        }
        pieces.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_atomic(path, len(text).to_bytes(8, "little") + text + b"".join(pieces))


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(_MOST_HEADER, path.stat().st_size - 8):
            raise ValueError(f"its header claims {length} bytes")
        header = json.loads(stream.read(length))
        data = np.frombuffer(stream.read(), dtype=np.uint8)
    header.pop("__metadata__", None)
    return {name: _tensor(name, entry, data) for name, entry in header.items()}


def _tensor(name: str, entry: Mapping[str, Any], data: NDArray[np.uint8]) -> NDArray[Any]:
    start, end = entry["data_offsets"]
    if not 0 <= start <= end <= len(data):
        raise ValueError(f"the data of {name!r} is cut short")
    raw, kind = data[start:end], entry["dtype"]
    if kind == "BF16":
        wide = raw.view("<u2").astype(np.uint32) << np.uint32(16)
        return wide.view(np.float32).reshape(entry["shape"])
    if kind not in _TYPES:
        raise ValueError(f"{name!r} is of type {kind}, which is none of {', '.join(_TYPES)}, BF16")
    return raw.view(_TYPES[kind]).reshape(entry["shape"])


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
