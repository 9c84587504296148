"""Verilog sources as a user gives them: files, include folders, definitions, parameters."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hw.contracts import ConfigError

__all__ = ["Sources", "sources_of"]

_TEXT_FILE, _FOLDER = "design.v", Path("sources")
_INCLUDE = re.compile(r'^\s*`include\s+"([^"]+)"', re.MULTILINE)
_DATA = re.compile(r'\$readmem[hb]\s*\(\s*"([^"]+)"')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclass(frozen=True)
class Sources:
    """Verilog and SystemVerilog, as files or as text.

    Parameters
    ----------
    files : tuple of Path
        In the order in which they are to be read; empty for `text`.
    text : str
        Verilog instead of files.
    includes : tuple of Path
        Folders of included files; that of each file is one of them.
    defines, parameters : mapping of str to str
        Macros, and parameters of the top module.

    Raises
    ------
    ConfigError
        A file that is missing, empty or no text; a data file of ``$readmemh`` that is missing.
    """

    files: tuple[Path, ...] = ()
    text: str = ""
    includes: tuple[Path, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.files:
            if not _text(path).strip():
                raise ConfigError(f"{path} is empty; give a file that holds Verilog")
        for path in self.paths:
            if len(str(path).split()) != 1:
                raise ConfigError(f"{path}: tools do not take blanks in paths; rename the folder")
        for folder in self.includes:
            if not folder.is_dir():
                raise ConfigError(f"{folder} is no folder; give folders of included files")
        for name in (*self.defines, *self.parameters):
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{name!r} is no name of a macro or parameter; write NAME=VALUE")
        for name, value in {**self.defines, **self.parameters}.items():
            if len(value.split()) != 1:
                raise ConfigError(f"{name}={value!r}: give a value without blanks")
        for name in self.parameters:
            if not any(re.search(rf"\b{re.escape(name)}\b", text) for _, text in self._texts()):
                raise ConfigError(f"parameter {name!r} is nowhere in the sources; mend its name")

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where tools look for included files, in their working folder."""
        return tuple(dict.fromkeys(self._placed(folder) for folder in self._searched))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where tools find the files, in their working folder."""
        return tuple(self._placed(path) for path in self.files) or (Path(_TEXT_FILE),)

    @cached_property
    def _searched(self) -> tuple[Path, ...]:
        found = [*self.includes, *(path.parent for path in self.files)]
        return tuple(dict.fromkeys(folder.resolve() for folder in found))

    def _placed(self, path: Path) -> Path:
        """Return where a file or folder is in a tool's working folder."""
        return _FOLDER / os.path.relpath(path.resolve(), self._root)

    @cached_property
    def _root(self) -> str:
        """The folder that holds everything."""
        read = (path.resolve().parent for path, _ in self._texts() if self.files)
        return os.path.commonpath([*self._searched, *read])

    @cached_property
    def data(self) -> Mapping[str, bytes]:
        """Files that ``$readmemh`` and ``$readmemb`` read, by the name in the source."""
        found: dict[str, bytes] = {}
        for path, text in self._texts():
            for match in _DATA.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found[match[1]] = _data(match[1], path, line)
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that a tool reads."""
        whole = hashlib.sha256()
        for _, text in self._texts():
            whole.update(text.encode() + b"\0")
        for name, content in sorted(self.data.items()):
            whole.update(name.encode() + b"\0" + content + b"\0")
        whole.update(json.dumps([dict(self.defines), dict(self.parameters)]).encode())
        return whole.hexdigest()

    def place_in(self, folder: Path) -> None:
        """Write what tools look for in their working folder: text, data files."""
        if not self.files:
            (folder / _TEXT_FILE).write_text(self.text, "utf-8")
        for place in self.folders:
            (folder / place).mkdir(parents=True, exist_ok=True)
        for path, text in self._texts() if self.files else ():
            place = folder / self._placed(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
        for name, content in self.data.items():
            if not Path(name).is_absolute():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)

    def as_typed(self, text: str) -> str:
        """Return a tool's text with the names of files as the user gave them."""
        if not self.files:
            return text
        typed = {str(self._placed(path)): str(path) for path, _ in self._texts()}
        typed |= {str(self._placed(path)): str(path) for path in self.files}
        names = "|".join(re.escape(name) for name in sorted(typed, key=len, reverse=True))
        return re.sub(rf"(?:[\w./-]*/)?({names})\b", lambda found: typed[found[1]], text)

    def _texts(self) -> Iterator[tuple[Path, str]]:
        """Yield all that is read, included files as well, each once."""
        if not self.files:
            yield Path(_TEXT_FILE), self.text
        waiting, seen = list(reversed(self.files)), set[Path]()
        while waiting:
            path = waiting.pop()
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            text = _text(path)
            yield path, text
            for name in _INCLUDE.findall(text):
                places = [path.parent / name, *(folder / name for folder in self._searched)]
                waiting += [place for place in places if place.is_file()][:1]


def sources_of(
    verilog: str | Path | Sequence[str | Path] | Sources,
    *,
    includes: Sequence[str | Path] = (),
    defines: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Sources:
    """Return sources from Verilog text (a string), a path or several paths."""
    if isinstance(verilog, Sources):
        return verilog
    text = verilog if isinstance(verilog, str) else ""
    files: Sequence[str | Path] = ()
    if isinstance(verilog, Path):
        files = (verilog,)
    elif not isinstance(verilog, str):
        files = verilog
    return Sources(
        files=tuple(Path(path) for path in files),
        text=text,
        includes=tuple(Path(path) for path in includes),
        defines=dict(defines or {}),
        parameters=dict(parameters or {}),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; give the path of a Verilog file") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give a Verilog file") from None


def _data(name: str, source: Path, line: int) -> bytes:
    for place in (Path(name), source.parent / name):
        if place.is_file():
            return place.read_bytes()
    raise ConfigError(
        f"{source}:{line}: {name} is neither in the working folder nor beside the source; "
        "put it there, or write its path"
    )
