"""Where a campaign keeps what it has: one file for each part, written at once or not at all."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, write_atomic

from ..outcome import OUTCOME

__all__ = ["Store"]

_IDENTITY = "campaign.json"


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of parts.

    Members
    -------
    folder : Path
        Its place; may be shared by the workers of a job queue.
    """

    folder: Path

    def claim(self, identity: dict[str, object]) -> None:
        """Make the folder that of this campaign; `ConfigError` if it is another's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _IDENTITY
        text = json.dumps(identity, indent=1, sort_keys=True) + "\n"
        if not path.exists():
            write_atomic(path, text)
            return
        try:
            found = json.loads(path.read_text("utf-8"))
        except ValueError:
            found = {}
        wrong = [key for key, value in json.loads(text).items() if found.get(key) != value]
        if wrong:
            raise ConfigError(
                f"{self.folder} holds another campaign: {', '.join(wrong)} differ; "
                "give another folder, or delete this one"
            )

    def load(self, batch: int, part: int, count: int) -> NDArray[np.void] | None:
        """Return the outcomes of a part, or None if they are not there whole."""
        try:
            with np.load(io.BytesIO(self._path(batch, part).read_bytes())) as found:
                raw = found["outcomes"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        if raw.dtype != np.uint8 or raw.size != count * OUTCOME.itemsize:
            return None
        return np.frombuffer(raw.tobytes(), dtype=OUTCOME)

    def save(self, batch: int, part: int, outcomes: NDArray[np.void]) -> None:
        """Keep the outcomes of a part."""
        buffer = io.BytesIO()
        raw = np.frombuffer(np.ascontiguousarray(outcomes).tobytes(), dtype=np.uint8)
        np.savez_compressed(buffer, outcomes=raw)
        write_atomic(self._path(batch, part), buffer.getvalue())

    def _path(self, batch: int, part: int) -> Path:
        return self.folder / f"part-{batch:04}-{part:05}.npz"
