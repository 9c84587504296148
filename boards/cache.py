"""Content-addressed store of tool results: the question is the key, so nothing goes stale."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw.contracts import Lease, make_folder, remove_parts, write_atomic

from .pool import stopping

__all__ = ["Cache", "Entry", "cache_folder", "cache_key"]

_FORMAT = 1


def cache_folder() -> Path:
    """Return ``$KILN_CACHE``, else ``~/.cache/kiln``."""
    chosen = os.environ.get("KILN_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "kiln"


def cache_key(**parts: Any) -> str:
    """Return the SHA-256 over named parts: source text, tool identity, options."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One kept result.

    Members
    -------
    payload : dict
        JSON data.
    log : str
        What the tool printed.
    files : mapping of str to bytes
        Larger artefacts, such as a netlist for the next tool.
    """

    payload: dict[str, Any]
    log: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


def _complain(message: str) -> None:
    print(message, file=sys.stderr)


class Cache:
    """Results by content, one folder per entry; safe for several processes at once.

    Parameters
    ----------
    folder : Path or None
        Where; `cache_folder()` if None. Created if need be (`ConfigError` if that fails).
    say : callable
        Told about entries that are damaged and will be made again; prints to stderr by default.
    """

    def __init__(self, folder: Path | None = None, say: Callable[[str], None] = _complain) -> None:
        self.folder = make_folder(folder if folder is not None else cache_folder())
        self._say = say

    def path(self, kind: str, key: str) -> Path:
        """Return the folder of one entry, whether it exists or not."""
        return self.folder / kind / key[:2] / key

    def log_path(self, kind: str, key: str) -> Path:
        """Return where the tool's log of one entry is kept."""
        return self.path(kind, key) / "log.txt"

    def get(self, kind: str, key: str, *, files: bool = True) -> Entry | None:
        """Return the entry, or None where there is none or (said aloud) a damaged one."""
        found = self._find(kind, key, files)
        if isinstance(found, str):
            folder = self.path(kind, key)
            self._say(f"cache entry {folder} is damaged ({found}); it will be made again")
            return None
        return found

    def _find(self, kind: str, key: str, files: bool = True) -> Entry | str | None:
        """Return the entry, None where there is none, or what is wrong with it."""
        folder = self.path(kind, key)
        try:
            return _read(folder, key, files)
        except FileNotFoundError:
            return "a file is missing" if (folder / "entry.json").exists() else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
            return str(error) or type(error).__name__

    def put(self, kind: str, key: str, entry: Entry) -> None:
        """Store an entry; the index is written last, so that a reader never sees half of one.

        Raises
        ------
        StorageError
            Full disk or no permission; entries stored before are intact.
        """
        folder = self.path(kind, key)
        write_atomic(folder / "log.txt", entry.log)
        digests = {}
        for name, content in entry.files.items():
            packed = gzip.compress(content, 1, mtime=0)
            digests[name] = _digest(packed)
            write_atomic(folder / f"{name}.gz", packed)
        body = {"payload": entry.payload, "files": digests}
        record = {"format": _FORMAT, "key": key, "digest": _digest(_canonical(body)), **body}
        write_atomic(folder / "entry.json", json.dumps(record, indent=1))

    def remember(self, kind: str, key: str, make: Callable[[], Entry]) -> Entry:
        """Return the stored entry, or make it and store it.

        Whoever asks for the same while it is being made waits for it, in other processes too; if
        its maker is killed, the next one makes it.
        """
        found = self._find(kind, key)
        if isinstance(found, Entry):
            return found
        folder = make_folder(self.path(kind, key))
        with Lease(folder / "lease") as lease:
            if not lease.take():
                self._say(f"waiting for {lease.holder}, which is at the same {kind} step")
                lease.wait(give_up=stopping)
            found_now = self.get(kind, key)
            if found_now is None:
                remove_parts(folder)
                found_now = make()
                self.put(kind, key, found_now)
            return found_now


def _canonical(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(folder: Path, key: str, files: bool) -> Entry:
    """Read and check one entry; raises the errors that `Cache.get` reports."""
    record = json.loads((folder / "entry.json").read_bytes())
    body = {"payload": record["payload"], "files": record["files"]}
    if record["format"] != _FORMAT or record["key"] != key:
        raise ValueError("it is of another format or key")
    if record["digest"] != _digest(_canonical(body)):
        raise ValueError("its digest does not match")
    wanted = record["files"] if files else {}
    return Entry(
        payload=record["payload"],
        log=(folder / "log.txt").read_text("utf-8", "replace"),
        files={name: _unpack(folder / f"{name}.gz", digest) for name, digest in wanted.items()},
    )


def _unpack(path: Path, digest: str) -> bytes:
    packed = path.read_bytes()
    if _digest(packed) != digest:
        raise ValueError(f"{path.name} does not match its digest")
    return gzip.decompress(packed)
