"""A log of served requests as a scenario: the columns of the public Azure traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hw.contracts import ConfigError

from .files import Row, read_rows
from .scenario import RequestClass, Scenario

__all__ = ["Request", "read_requests", "read_scenario"]

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_LONGEST = 1 << 27


@dataclass(frozen=True, slots=True)
class Request:
    """One request: arrival in seconds since the epoch, and its lengths in tokens."""

    arrival_s: float
    prompt: int
    generate: int


def read_requests(path: Path) -> tuple[Request, ...]:
    """Return the requests of a CSV file with the columns of the Azure traces; others are passed."""
    requests = tuple(
        Request(
            _seconds(row),
            row.integer("ContextTokens", 1, _LONGEST),
            row.integer("GeneratedTokens", 1, _LONGEST),
        )
        for row in read_rows(path, _COLUMNS, optional=None)
    )
    if not requests:
        raise ConfigError(f"{path}: has a header but no requests; add at least one row")
    return requests


def _seconds(row: Row) -> float:
    text = row.cells["TIMESTAMP"].strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise row.error(
            f"TIMESTAMP={text!r} is not a date and time; write 2023-11-16 18:15:46.68"
        ) from None
    # Without a zone the clock is taken as UTC, so that a rate does not depend on the machine.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_scenario(
    path: Path, bucket: int = 256, generated_bucket: int = 32, batch: int = 1
) -> Scenario:
    """Return the (context, generated) histogram of a request log.

    Parameters
    ----------
    path : Path
        CSV file with the columns TIMESTAMP, ContextTokens and GeneratedTokens.
    bucket, generated_bucket : int
        Width of a class in prompt and in generated tokens; 1 keeps the exact lengths. A class
        stands at the rounded mean of its requests, so that totals survive. Decode steps are
        grouped by `bucket` too.
    batch : int
        Sequences that go through the model together.
    """
    for field, value in (("bucket", bucket), ("generated_bucket", generated_bucket)):
        if not 1 <= value <= 1 << 20:
            raise ConfigError(f"{field}={value} is outside 1 to {1 << 20}; use 1 or more")
    requests = read_requests(path)
    cells: dict[tuple[int, int], list[Request]] = {}
    for request in requests:
        key = ((request.prompt - 1) // bucket, (request.generate - 1) // generated_bucket)
        cells.setdefault(key, []).append(request)
    return Scenario(
        classes=tuple(_class(cells[key]) for key in sorted(cells)),
        batch=batch,
        context_step=bucket,
        source=f"{path.name}, buckets of {bucket} and {generated_bucket} tokens",
        requests_per_second=_rate(requests),
    )


def _class(requests: Sequence[Request]) -> RequestClass:
    count = len(requests)
    return RequestClass(
        prompt=round(sum(r.prompt for r in requests) / count),
        generate=round(sum(r.generate for r in requests) / count),
        weight=count,
    )


def _rate(requests: Sequence[Request]) -> float:
    arrivals = [request.arrival_s for request in requests]
    span = max(arrivals) - min(arrivals)
    return (len(arrivals) - 1) / span if span > 0 else 0.0
