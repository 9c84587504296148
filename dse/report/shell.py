"""What all reports share: one HTML file that opens anywhere, without a network."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template

__all__ = ["render_shell", "resource"]


def render_shell(
    *,
    title: str,
    command: str,
    lead: str,
    tiles: Iterable[str],
    sections: Iterable[tuple[str, str]],
    cards: str,
    footer: str,
    version: str,
    css: str = "",
    more: str = "",
) -> str:
    """Return a whole page.

    Parameters
    ----------
    title, command, lead, footer, version : str
        Plain text: what it is of, how it was made, a line below the title, the last one, Kiln's.
    tiles : iterable of str
        HTML of the figures at the top.
    sections : iterable of (str, str)
        Identifier and title of what the head leads to; those without a section are left out.
    cards : str
        HTML of the sections.
    css, more : str
        Styles beside those of all reports, and HTML behind everything, such as scripts.
    """
    return Template(resource("dse.report", "shell.html")).substitute(
        title=escape(title),
        command=escape(command),
        lead=escape(lead),
        tiles="".join(tiles),
        nav="".join(
            f'<a href="#{a}">{t}</a>' for a, t in sections if f'<section id="{a}"' in cards
        ),
        sections=cards,
        footer=escape(footer),
        version=escape(version),
        css=resource("dse.report", "shell.css") + css,
        script=resource("dse.report", "shell.js"),
        more=more,
    )


def resource(package: str, name: str) -> str:
    """Return a text file of a package."""
    return (files(package) / name).read_text("utf-8")
