"""The original design as a partner: inputs of a cycle in, outputs of that cycle out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from boards.frozen import Frozen, Sources
from hw.contracts import ConfigError, scratch_folder

from .simulate import ZEROS, compiled, pack, unpack
from .wrapper import row_bytes

__all__ = ["Session", "session"]


@dataclass(frozen=True, slots=True)
class Session:
    """A running simulation; unknown values are 0."""

    netlist: Frozen
    process: subprocess.Popen[bytes]

    def step(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """Play one cycle; return its outputs, as they are before the edge that ends it."""
        into, out = self.process.stdin, self.process.stdout
        assert into is not None
        assert out is not None
        wanted = row_bytes(self.netlist.outputs)
        try:
            into.write(pack(self.netlist.inputs, [inputs]).tobytes())
            into.flush()
            row = out.read(wanted)
        except BrokenPipeError:
            row = b""
        if len(row) < wanted:
            raise ConfigError(
                f"{self.netlist.top} ended its simulation ($finish); end the stimulus before that"
            )
        return unpack(self.netlist.outputs, np.frombuffer(row, dtype=np.uint8))


@contextmanager
def session(sources: Sources, netlist: Frozen) -> Iterator[Session]:
    """Yield the original design, about to begin its first cycle."""
    program = compiled(sources, netlist)
    with scratch_folder() as folder:
        sources.place_in(folder)
        process = subprocess.Popen(
            [str(program), "-", "-", str(ZEROS), "1"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=dict(os.environ),
        )  # fmt: skip
        try:
            yield Session(netlist, process)
        finally:
            process.kill()
            process.communicate()
