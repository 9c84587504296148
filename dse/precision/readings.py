"""What assignments were measured to lose: readings that are kept, and the meter that takes them."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from boards.cache import Cache, Entry, cache_key
from hw.contracts import ConfigError, KilnError, write_atomic
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import Assignment
from sim.quality.perplexity import Measured, QualityBench

__all__ = [
    "COMMAND",
    "KEPT",
    "MEASURED",
    "STAND_IN",
    "TOKENS",
    "Meter",
    "MissingReadingError",
    "Reading",
    "ReadingFile",
]

KEPT = Path(__file__).with_name("readings.json")
"""Readings of the small model that are kept with the sources."""

COMMAND = "python -m bench.formats"
TOKENS = 4096
SEED = "samples that scales are chosen by: numbered, in sim/quality/runner.py; no other draws"
STAND_IN, MEASURED = "stand-in", "measured"

_DIGITS = 8  # of a nat; what libm differs by is less


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an assignment loses against float64 on the same tokens.

    Members
    -------
    loss, loss_error : float
        Rise of the mean loss per token, in nats, and its standard error (NaN for one block).
    divergence, divergence_error : float
        Mean divergence per token of the next token's probabilities from float64's, in nats.
        It estimates the same without the luck of the draw (`Measured.divergence`).
    """

    loss: float
    loss_error: float
    divergence: float
    divergence_error: float

    @classmethod
    def of(cls, found: Measured) -> Reading:
        """Return a measurement's figures, rounded as they are kept."""
        return cls(
            loss=round(found.loss, _DIGITS),
            loss_error=round(found.loss_error, _DIGITS),
            divergence=round(found.divergence, _DIGITS),
            divergence_error=round(found.divergence_error, _DIGITS),
        )

    @property
    def increase(self) -> float:
        """Perplexity over float64's, less one."""
        return math.expm1(min(self.loss, 700.0))

    @property
    def increase_error(self) -> float:
        """Standard error of `increase`."""
        return (1 + self.increase) * self.loss_error

    @property
    def worse(self) -> float:
        """The larger of loss and divergence: what a limit that is to be kept is held against."""
        return max(self.loss, self.divergence)


class MissingReadingError(KilnError):
    """An assignment was not measured, and is not to be measured now."""


class Bench(Protocol):
    """What measures assignments, such as `sim.quality.perplexity.QualityBench`."""

    @property
    def identity(self) -> Mapping[str, str | int]: ...

    @property
    def longest(self) -> int: ...

    def measure(self, assignment: Assignment, *, divergence: bool = False) -> Measured: ...


class ReadingFile:
    """Readings in a file, with what they were taken on; of anything else it has none.

    Parameters
    ----------
    path : Path
        The file; it need not exist.
    """

    def __init__(self, path: Path = KEPT) -> None:
        self.path = path
        self.head: dict[str, Any] = {}
        self._rows: dict[str, list[float | None]] = {}
        if path.is_file():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                self.head, self._rows = dict(content["of"]), dict(content["rows"])
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{path} is damaged ({error}); delete it and run {COMMAND}"
                ) from error

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, identity: Mapping[str, Any], text: str) -> Reading | None:
        """Return the reading of an assignment, if it was taken on that model and text."""
        row = self._rows.get(text)
        if row is None or any(self.head.get(key) != value for key, value in identity.items()):
            return None
        return Reading(
            **{
                name: math.nan if value is None else value
                for name, value in zip(_FIELDS, row, strict=True)
            }
        )

    def add(self, identity: Mapping[str, Any], text: str, reading: Reading) -> None:
        """Add a reading and write the file; readings of another model or text are dropped."""
        if any(self.head.get(key) != value for key, value in identity.items()):
            self._rows = {}
        day = datetime.now(UTC).date().isoformat()
        self.head = {**identity, "command": COMMAND, "seed": SEED, "date": day}
        values = asdict(reading)
        self._rows[text] = [None if math.isnan(values[k]) else values[k] for k in _FIELDS]
        rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(self._rows[key])}" for key in self.texts)
        about = json.dumps({**self.head, "columns": _FIELDS})
        write_atomic(self.path, f'{{"of": {about},\n"rows": {{\n{rows}\n}}}}\n')

    @property
    def texts(self) -> list[str]:
        """Assignments that the file has."""
        return sorted(self._rows)


_FIELDS = ("loss", "loss_error", "divergence", "divergence_error")


class Meter:
    """Takes readings and keeps them: what was read before is not measured again.

    Parameters
    ----------
    bench : Bench
        The model and its text.
    source : str
        ``"stand-in"`` where the model stands for another, ``"measured"`` where it is the one meant.
    kept : ReadingFile or None
        Readings to begin with.
    keep : ReadingFile or None
        File that new ones are added to.
    cache : Cache or None
        Where new ones go; None keeps them for the life of the object only.
    measures : bool
        Whether readings are taken; else `read` raises `MissingReadingError` for what is not known.
    say : callable
        Told before each measurement.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        source: str = STAND_IN,
        kept: ReadingFile | None = None,
        keep: ReadingFile | None = None,
        cache: Cache | None = None,
        measures: bool = True,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.bench, self.source, self._measures = bench, source, measures
        self._identity = dict(bench.identity)
        self._kept, self._keep, self._cache, self._say = kept, keep, cache, say
        self._taken: dict[str, Reading] = {}
        self.measurements = 0

    @classmethod
    def small(
        cls, *, cache: Cache | None = None, say: Callable[[str], None] = lambda message: None
    ) -> Meter:
        """Return the meter of the small model, which stands in for any other."""
        return cls(QualityBench.small(limit=TOKENS), kept=ReadingFile(), cache=cache, say=say)

    @classmethod
    def of_files(
        cls,
        weights: Path,
        text: Path,
        tokenizer: Path | None = None,
        *,
        tokens: int = TOKENS,
        cache: Cache | None = None,
        say: Callable[[str], None] = lambda message: None,
    ) -> Meter:
        """Return the meter of a user's GPT-2 on a text."""
        bench = QualityBench.of_files(weights, text, tokenizer, limit=tokens)
        return cls(bench, source=MEASURED, cache=cache, say=say)

    @property
    def longest(self) -> int:
        """Products of the model's longest dot product."""
        return self.bench.longest

    def arithmetic(self, format: str, window: int | None = None) -> Arithmetic:
        """Return a format in a window of so many bits; in a quire, where that is the same."""
        found = Arithmetic(format=format, window=window)
        return Arithmetic(format=format) if found.is_exact(self.longest) else found

    def known(self, assignment: Assignment) -> Reading | None:
        """Return a reading that was taken before."""
        text = assignment.text
        if text not in self._taken:
            found = self._kept.get(self._identity, text) if self._kept else None
            found = found or self._cached(text)
            if found is None:
                return None
            self._taken[text] = found
        return self._taken[text]

    def read(self, assignment: Assignment) -> Reading:
        """Return the reading of an assignment, measured now if it was not before."""
        found = self.known(assignment)
        if found is not None:
            return found
        text = assignment.text
        if not self._measures:
            raise MissingReadingError(f"{text} was not measured yet; run {COMMAND}")
        self._say(f"measuring {text} on {self._identity['tokens']:,} tokens ({self.source})")
        found = Reading.of(self.bench.measure(assignment, divergence=True))
        self._taken[text] = found
        self.measurements += 1
        if self._keep is not None:
            self._keep.add(self._identity, text, found)
        if self._cache is not None:
            self._cache.put("quality", self._key(text), Entry(payload=asdict(found)))
        return found

    def _cached(self, text: str) -> Reading | None:
        entry = self._cache.get("quality", self._key(text)) if self._cache is not None else None
        return None if entry is None else Reading(**entry.payload)

    def _key(self, text: str) -> str:
        return cache_key(assignment=text, rules=_rules_digest(), **self._identity)


@functools.cache
def _rules_digest() -> str:
    """Return the digest of the sources that decide what is measured."""
    digest = hashlib.sha256()
    for package in ("sim.quality", "hw.numerics", "hw.mac"):
        files = [file for file in resources.files(package).iterdir() if file.name.endswith(".py")]
        for file in sorted(files, key=lambda file: file.name):
            digest.update(file.read_bytes())
    return digest.hexdigest()
