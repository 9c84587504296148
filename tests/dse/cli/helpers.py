"""Running the command line inside the test process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from dse.cli import app

__all__ = ["Outcome", "dse"]


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, data and conversation."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


def dse(*arguments: object) -> Outcome:
    """Run ``dse ARGUMENTS``."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="dse")
    return Outcome(result.exit_code, result.stdout, result.stderr)
