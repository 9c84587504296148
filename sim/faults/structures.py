"""Structures: what a flip-flop, memory or net is for, by its name.

Of a user's design it is the instance that holds it; of Kiln's engines what engineers call it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["structures"]

Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: tuple[str, str]) -> Rules:
    return tuple((re.compile(pattern), tag) for pattern, tag in pairs)


_PROTECTION = (
    r"checksum|parity|syndrome|hsiao|secded|voter|tmr|dwc|selftest|self_test|watchdog"
    r"|(^|\.|_)(error|check)|pe_sum\.|row_sum\.|column_sum\.|_differs\b|\.so_far|\.stage\.sum\b",
    "protection",
)
_MATRIX = _rules(
    _PROTECTION,
    (r"\.pe_[^.]*\.(accum|total|sum|sum_out|old)\b|\.pe_[^.]*\.sum_\d", "accumulators"),
    (r"\.pe_[^.]*\.(product|aligned|fresh|done|decoded|\w*_term)", "multipliers"),
    (r"\.pe_[^.]*\.drain", "drain"),
    (r"\.pe_[^.]*\.|\.row_\d+\.a\d*\b", "operand registers"),
    (r"\.operand_|array\.(a|b|late_a|code_\d+)\b", "operand registers"),
    (r"array\.finish_", "output stage"),
    (r"skew", "skew"),
    (r"array\.", "array control"),
    (r"buffer_[ab]\.(bank|reader_data|o_payload)", "operand buffers"),
    (r"buffer_[ab]\.", "buffer control"),
    (r"results\.(column|stage\.(o_payload|beat_data)|half|memory)", "result buffer"),
    (r"results\.", "result control"),
    (r"sequencer\.|\.job_", "sequencer"),
    (r".*", "control"),
)  # fmt: skip
_MAC = _rules(
    _PROTECTION,
    (r"sum_\d+\.|\.total", "accumulators"),
    (r"finish_\d+\.|normal|absolute|o_payload", "output stage"),
    (r"product|aligned", "multipliers"),
    (r"input_|decoded", "operand registers"),
    (r".*", "control"),
)


def structures(config: Any = None, tags: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """Return a function from hierarchical name to structure.

    Parameters
    ----------
    config : MatrixConfig or MacConfig, optional
        The Kiln design that the names are of.
    tags : mapping of str to str, optional
        Structure by prefix of the name, declared by the user; the longest that fits wins over
        everything else.
    """
    rules = _rules_of(config)
    prefixes = sorted(tags or {}, key=len, reverse=True)

    def structure(name: str) -> str:
        for prefix in prefixes:
            if name.startswith(prefix):
                return str((tags or {})[prefix])
        for pattern, tag in rules:
            if pattern.search(name):
                return tag
        return name.rpartition(".")[0] or "top"

    return structure


def _rules_of(config: Any) -> Rules:
    from hw.mac import MacConfig
    from hw.matrix import MatrixConfig

    if isinstance(config, MatrixConfig):
        return _MATRIX
    return _MAC if isinstance(config, MacConfig) else ()
