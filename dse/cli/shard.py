"""The option `--shard I/N` of commands that a job queue may share."""

from __future__ import annotations

import re

__all__ = ["SHARD_HELP", "parse_shard"]

SHARD_HELP = "I/N: run part I of N, for a job queue."


def parse_shard(text: str) -> tuple[int, int]:
    """Return which part, from 0, and of how many; `ConfigError` if that is not what it says."""
    from hw.contracts import ConfigError

    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"--shard {text}: write I/N, from 1/N to N/N")
    return int(match[1]) - 1, int(match[2])
