"""Reading text and tables that users wrote: every defect is said with its file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hw.contracts import ConfigError, did_you_mean

__all__ = ["Row", "read_rows", "read_text"]


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without its byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; name a file in it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the file") from None


@dataclass(frozen=True, slots=True)
class Row:
    """One data row of a CSV file, with the line it ends on."""

    path: Path
    line: int
    cells: dict[str, str]

    def error(self, problem: str) -> ConfigError:
        """Return the error to raise for this row."""
        return ConfigError(f"{self.path}, line {self.line}: {problem}")

    def integer(self, column: str, lowest: int, highest: int) -> int:
        """Return the integer in `column`, refusing everything outside the range."""
        text = self.cells[column].strip()
        try:
            value = int(text)
        except ValueError:
            raise self.error(f"{column}={text!r} is not an integer; write digits only") from None
        if not lowest <= value <= highest:
            raise self.error(f"{column}={value} is outside {lowest} to {highest}; correct it")
        return value


def read_rows(
    path: Path, required: tuple[str, ...], optional: tuple[str, ...] | None = ()
) -> Iterator[Row]:
    """Yield the rows of a CSV file with a header; `optional` None admits any further column."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(path, cells, required, optional)
                continue
            if len(cells) != len(header):
                raise ConfigError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells under {len(header)} "
                    "columns; add or remove commas"
                )
            yield Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: {error}; correct the line") from None
    if header is None:
        raise ConfigError(f"{path}: is empty; its first line must be {','.join(required)}")


def _header(
    path: Path, cells: list[str], required: tuple[str, ...], optional: tuple[str, ...] | None
) -> list[str]:
    header = [cell.strip() for cell in cells]
    if len(header) == 1 and ";" in header[0]:
        raise ConfigError(
            f"{path}: its cells are separated by semicolons; separate them by commas: "
            f"{header[0].replace(';', ',')}"
        )
    for column in header:
        if header.count(column) > 1:
            raise ConfigError(f"{path}: column {column!r} appears twice; keep one")
        if optional is not None and column not in required + optional:
            hint = did_you_mean(column, required + optional)
            raise ConfigError(f"{path}: unknown column {column!r}{hint}")
    if missing := [column for column in required if column not in header]:
        raise ConfigError(
            f"{path}: missing column {', '.join(missing)}; "
            f"the first line must name {','.join(required)}"
        )
    return header
