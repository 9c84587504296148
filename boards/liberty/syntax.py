"""The Liberty grammar: groups, attributes and values, nothing of their meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hw.contracts import ConfigError

__all__ = ["Group", "numbers", "parse"]

_SKIP = re.compile(r"/\*.*?\*/|//[^\n]*|\\\r?\n", re.DOTALL)
_STATEMENT = re.compile(
    r"""\s*(?:
        (?P<close>\})\s*;?
      | (?P<name>[\w.\-]+)\s*(?:
            :\s*(?P<value>"[^"]*"|[^;\n}]*?)\s*(?:;|(?=\n)|(?=\}))
          | \((?P<args>(?:"[^"]*"|[^")])*)\)\s*(?:(?P<open>\{)|;)?
        )
    )""",
    re.VERBOSE,
)
_ARGUMENT = re.compile(r'"([^"]*)"|([^\s,"]+)')


@dataclass(slots=True)
class Group:
    """One ``kind (args) { ... }``; complex attributes keep their argument lists."""

    kind: str
    args: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.args[0] if self.args else ""

    def all(self, kind: str) -> Iterator[Group]:
        return (group for group in self.groups if group.kind == kind)

    def first(self, kind: str) -> Group | None:
        return next(self.all(kind), None)


def parse(text: str) -> Group:
    """Return the outermost group of Liberty `text`; refuses text that is not Liberty."""
    text = _SKIP.sub(" ", text)
    root = Group("", ())
    stack, position = [root], 0
    while match := _STATEMENT.match(text, position):
        position = match.end()
        if match["close"]:
            if len(stack) == 1:
                raise _refused(text, position, "a brace closes nothing")
            stack.pop()
        elif match["open"]:
            group = Group(match["name"], _arguments(match["args"]))
            stack[-1].groups.append(group)
            stack.append(group)
        elif match["args"] is not None:
            stack[-1].lists[match["name"]] = _arguments(match["args"])
        else:
            stack[-1].attributes[match["name"]] = match["value"].strip('"')
    if text[position:].strip():
        raise _refused(text, position, "this is not a Liberty statement")
    if len(stack) > 1:
        raise _refused(text, position, f"group {stack[-1].kind!r} is not closed")
    if not root.groups:
        raise _refused(text, position, "it has no library group")
    return root.groups[0]


def numbers(group: Group, name: str) -> tuple[tuple[float, ...], ...]:
    """Return the rows of numbers in the complex attribute `name`."""
    return tuple(
        tuple(float(x) for x in row.replace(",", " ").split()) for row in group.lists.get(name, ())
    )


def _arguments(text: str) -> tuple[str, ...]:
    return tuple(quoted or bare for quoted, bare in _ARGUMENT.findall(text))


def _refused(text: str, position: int, why: str) -> ConfigError:
    excerpt = " ".join(text[position : position + 60].split())
    return ConfigError(f"liberty: {why}, near {excerpt!r}; give a complete Liberty (.lib) file")
