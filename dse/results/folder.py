"""The run folder: everything a search leaves behind, written atomically, read back by reports.

::

    runs/<name>/
      run.json            command, seed, workload, scenario, target, versions, objectives
      lock                which process is at it
      journal.log         the Optuna study
      front.csv  .json    the measured Pareto front
      designs.csv         every measured, refused or failed design
      model_front.csv     modelled front layers of the whole space
      not_routed.csv      promising designs that the budget left behind, and how to measure them
      provenance.json     what every column is, with which tool it was made, and the command
      report.html         made by dse.report, with front.png and front.svg
      designs/NN/         Verilog, configuration, test bench, figures, reports, logs
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.contracts import (
    PART,
    ConfigError,
    Lease,
    StorageError,
    make_folder,
    remove_parts,
    write_atomic,
)

from .not_routed import not_routed
from .provenance import describe_columns
from .record import TrialResult
from .tables import Row, result_row, rows_to_csv, rows_to_json

__all__ = ["SCHEMA", "RunFolder"]

SCHEMA = 1
"""Layout of a run folder that this version writes and reads, as ``run.json`` states it."""

_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and files of one run.

    Parameters
    ----------
    path : Path
        ``runs/<name>``.
    """

    path: Path

    @property
    def journal(self) -> Path:
        """The Optuna journal."""
        return self.path / "journal.log"

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.path / "run.json").is_file()

    def design(self, number: int) -> Path:
        """Return the folder of a design; it need not exist."""
        return self.path / "designs" / f"{number:02d}"

    @contextmanager
    def fresh_design(self, number: int) -> Iterator[Path]:
        """Yield an empty folder to fill; in the end it takes the place of the design's at once."""
        done = self.design(number)
        part = done.with_name(f".{done.name}{PART}")
        shutil.rmtree(part, ignore_errors=True)
        yield make_folder(part)
        shutil.rmtree(done, ignore_errors=True)
        try:
            part.rename(done)
        except OSError as error:
            raise StorageError(f"cannot write {done}: {error.strerror}") from error

    def lease(self) -> Lease:
        """Claim the run for this process and delete what a killed one left half written.

        Raises
        ------
        ConfigError
            Another process is at it.
        """
        lease = Lease(make_folder(self.path) / _LOCK)
        if not lease.take():
            raise ConfigError(
                f"{lease.holder} is searching in {self.path}; let it finish or stop it, "
                "or give this search a --name of its own"
            )
        remove_parts(self.path)
        return lease

    def clear(self) -> None:
        """Delete everything but the lock, the record of the run first."""
        (self.path / "run.json").unlink(missing_ok=True)
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink(missing_ok=True)

    def start(self, info: Mapping[str, Any]) -> None:
        """Write ``run.json``; raise `ConfigError` if the folder cannot be made."""
        make_folder(self.path)
        write_atomic(self.path / "run.json", json.dumps(info, indent=2, sort_keys=True) + "\n")

    def info(self) -> dict[str, Any]:
        """Return ``run.json``; raise `ConfigError` for a damaged one or one of another layout."""
        found = self._json("run.json")
        if not isinstance(found, dict):
            raise _damaged(self.path / "run.json", "it is no JSON object")
        if (schema := found.get("schema", SCHEMA)) != SCHEMA:
            raise ConfigError(
                f"{self.path / 'run.json'} has schema={schema!r}, and this Kiln reads {SCHEMA}; "
                "read the run with the Kiln that wrote it, or search anew with --no-resume"
            )
        return found

    def write_designs(self, results: Sequence[TrialResult]) -> None:
        """Write ``designs.csv`` with every trial so far, ``provenance.json`` with where its
        columns came from, and ``not_routed.csv`` with what is left.

        The last is there only where there is something to say.
        """
        rows = [result_row(result) for result in results]
        write_atomic(self.path / "designs.csv", rows_to_csv(rows))
        columns = describe_columns(result.metrics.to_dict() for result in results)
        write_atomic(self.path / "provenance.json", json.dumps(columns, indent=1) + "\n")
        if left := self._not_routed(results):
            write_atomic(self.path / "not_routed.csv", rows_to_csv(left))
        else:
            (self.path / "not_routed.csv").unlink(missing_ok=True)

    def _not_routed(self, results: Sequence[TrialResult]) -> list[Row]:
        modelled = self.path / "model_front.csv"
        if not (self.exists and modelled.is_file() and "space" in self.info()):
            return []
        with modelled.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return not_routed(rows, results, self.info(), self.path.name)

    def write_front(self, results: Sequence[TrialResult]) -> None:
        """Write ``front.csv`` and ``front.json``."""
        rows = [result_row(result) for result in results]
        write_atomic(self.path / "front.csv", rows_to_csv(rows))
        write_atomic(self.path / "front.json", rows_to_json(rows))

    def write_model_front(self, rows: Sequence[Row]) -> None:
        """Write ``model_front.csv``, the modelled layers of the whole space."""
        write_atomic(self.path / "model_front.csv", rows_to_csv(rows))

    def front(self) -> list[Row]:
        """Return the rows of the measured front."""
        return list(self._json("front.json"))

    def _json(self, name: str) -> Any:
        path = self.path / name
        try:
            return json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ConfigError(
                f"{self.path} holds no {name}; give the folder of a run, such as runs/gpt2, "
                "or make one with `dse search --workload gpt2`"
            ) from None
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from None


def _damaged(path: Path, why: object) -> ConfigError:
    return ConfigError(
        f"cannot read {path} ({why}); run the same search with --no-resume to restore it: "
        "what it measured is in the cache"
    )
