"""Writing files so that a reader, a kill or a full disk never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path

from .errors import ConfigError, KilnError

__all__ = ["PART", "StorageError", "make_folder", "remove_parts", "tree_digest", "write_atomic"]

PART = ".part"
"""How the names of files and folders end that are not written to their end."""


class StorageError(KilnError):
    """The disk refused while the run was under way; what was written before is intact."""


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path`, flush it, and rename it into place.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written; `path` is as it was before.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise StorageError(f"cannot write {path}: {_reason(error)}") from error


def remove_parts(folder: Path) -> None:
    """Delete what killed writers left in `folder` and below; nobody else may be writing there."""
    for part in sorted(folder.rglob(f".*{PART}")):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """Create `path` with its parents; raise `ConfigError` if that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot create the folder {path}: {_reason(error)}") from error
    return path


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run the same command again to resume"
    return f"{error.strerror}; choose a folder that you may write to"


def tree_digest(folders: Iterable[Path], suffixes: Collection[str]) -> str:
    """Return the SHA-256 over names and contents of files below folders, in hexadecimal."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in suffixes:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                name = path.relative_to(folder.parent).as_posix()
                total.update(f"{name} {content}\n".encode())
    return total.hexdigest()
