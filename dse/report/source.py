"""Where a figure of the page came from, and how its element says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Source", "plain", "source_of", "sourced", "tools_note"]


@dataclass(frozen=True, slots=True)
class Source:
    """How a figure came about and which tool said it; empty where nothing is recorded.

    Parameters
    ----------
    fidelity : str
        ``measured``, ``modelled``, ``estimated``, ``predicted`` or ``reserved``.
    tool, version : str
        As recorded with the figure.
    """

    fidelity: str
    tool: str
    version: str = ""

    @property
    def named(self) -> str:
        """The tool with its version, which often holds the name already; empty without a tool."""
        if not self.tool or self.tool in self.version:
            return self.version if self.tool else ""
        return f"{self.tool} {self.version}".strip()

    @property
    def words(self) -> str:
        """``measured by pyosys 0.70``."""
        return f"{self.fidelity} by {self.named or 'a tool that is not recorded'}"


def source_of(figure: Mapping[str, Any]) -> Source:
    """Return the source that a figure's record, or a column's entry, names."""
    return Source(*(str(figure.get(key, "")) for key in ("fidelity", "tool", "version")))


def sourced(source: Source, against: Source | None = None) -> str:
    """Return the attributes of an element that shows a figure, or an error of one against another.

    Whoever reads the page with a program finds ``data-fidelity`` and ``data-tool``; whoever points
    at the figure is told the same.
    """
    words = source.words if against is None else f"{source.words}, against {against.words}"
    text = f' data-fidelity="{escape(source.fidelity)}" data-tool="{escape(source.named)}"'
    if against is not None:
        text += f' data-against="{escape(against.fidelity)}"'
        text += f' data-against-tool="{escape(against.named)}"'
    return f'{text} title="{escape(words)}"'


def plain(kind: str) -> str:
    """Return the attribute of an element whose numbers are no figures.

    `kind` says what they are: ``name``, ``knob``, ``setting``, ``count``, ``source``, ``command``.
    """
    return f' data-is="{kind}"'


def tools_note(sources: Iterable[tuple[str, Source]]) -> str:
    """Return ``latency modelled by A; area, clock measured by B`` from (label, source) pairs."""
    labels: dict[Source, list[str]] = {}
    for label, source in sources:
        labels.setdefault(source, []).append(label)
    return "; ".join(f"{', '.join(names)} {source.words}" for source, names in labels.items())
