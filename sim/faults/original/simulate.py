"""Simulating the original sources, by Verilator, without any of Kiln's netlists."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Frozen, Port, Sources
from hw.contracts import ConfigError, KilnError, scratch_folder
from sim.cosim.tools import tool_identity, verilator_binary, verilator_environment
from sim.faults.experiment import Step
from sim.programs import made_once

from .wrapper import WRAPPER, row_bytes, wrapper

__all__ = ["ONES", "RANDOM", "ZEROS", "compiled", "pack", "simulate", "unpack"]

ZEROS: Final = 0
ONES: Final = 1
RANDOM: Final = 2

DRIVER = Path(__file__).with_name("driver.cpp")
_SETTINGS = (
    "--cc", "--exe", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing",
    "--x-assign", "unique", "--x-initial", "unique", "--bbox-unsup",
)  # fmt: skip
_STANDARDS = ((), ("--default-language", "1364-2005"))
_SAID = re.compile(r"^%Error[^:]*: ([^:\s]+):(\d+):(?:\d+:)? (.*)$", re.MULTILINE)
_SCOPE = "VL_MURMUR64_HASH(vlSelf->vlNamep)"
_OUTPUT = re.compile(r"/\*(\d+):0\*/ (\w*__Vcellout__\w+);")
_ZERO = re.compile(r"vlSelf->(\w*__Vcellout__\w+) = 0;")
_ZERO_WIDE = re.compile(r"VL_ZERO_RESET_W\((\d+), vlSelf->(\w*__Vcellout__\w+)\);")
_LIMIT_S = 3600.0


def simulate(
    sources: Sources,
    netlist: Frozen,
    steps: Sequence[Step],
    *,
    unknown: int = ZEROS,
    seed: int = 1,
) -> NDArray[np.uint8]:
    """Return the outputs of every cycle as rows of bytes; `unpack` takes them apart.

    Parameters
    ----------
    sources : Sources
        The original design.
    netlist : Frozen
        Of which only the names and widths of ports are used.
    steps : sequence of dict of str to int
        Inputs of each cycle.
    unknown : int
        What uninitialised state and x are: `ZEROS`, `ONES`, or `RANDOM` by `seed`.

    Raises
    ------
    ConfigError
        Verilator refuses the sources.
    """
    program = compiled(sources, netlist)
    with scratch_folder() as folder:
        sources.place_in(folder)
        (folder / "inputs").write_bytes(pack(netlist.inputs, steps).tobytes())
        done = subprocess.run(
            [str(program), "inputs", "outputs", str(unknown), str(seed)],
            cwd=folder, capture_output=True, text=True, check=False, timeout=_LIMIT_S,
        )  # fmt: skip
        if done.returncode:
            raise KilnError(f"the simulation of {netlist.top} failed: {done.stderr[-1000:]}")
        found = np.fromfile(folder / "outputs", dtype=np.uint8)
    found = found.reshape(-1, row_bytes(netlist.outputs))
    if len(found) < len(steps):
        raise ConfigError(
            f"{netlist.top} calls $finish in cycle {len(found)} of {len(steps)}; "
            "shorten the stimulus, or leave the call out"
        )
    return found


def pack(ports: Sequence[Port], steps: Sequence[Step]) -> NDArray[np.uint8]:
    """Return values of ports as rows of bytes; what is not named is 0."""
    width = row_bytes(ports)
    rows = bytearray()
    for step in steps:
        value, low = 0, 0
        for port in ports:
            value |= step.get(port.name, 0) << low
            low += len(port.bits)
        rows += value.to_bytes(width, "little")
    return np.frombuffer(bytes(rows), dtype=np.uint8).reshape(len(steps), width)


def unpack(ports: Sequence[Port], row: NDArray[np.uint8]) -> dict[str, int]:
    """Return the value of each port in a row."""
    value = int.from_bytes(row.tobytes(), "little")
    found = {}
    for port in ports:
        found[port.name] = value & (1 << len(port.bits)) - 1
        value >>= len(port.bits)
    return found


def compiled(sources: Sources, netlist: Frozen) -> Path:
    """Return the program, from the cache if it is there."""
    around = wrapper(netlist, sources.parameters)
    sizes = f"-DROW={row_bytes(netlist.inputs)} -DOUT={row_bytes(netlist.outputs)}"

    def make(work: Path) -> Path:
        sources.place_in(work)
        (work / f"{WRAPPER}.v").write_text(around, "utf-8")
        logs = []
        for standard in _STANDARDS:
            logs.append(_build(work, sources, standard, sizes))
            if not logs[-1]:
                return work / "build" / "original"
        raise ConfigError(_refusal(sources, netlist.top, logs[0]))

    parts = [sources.digest, around, DRIVER.read_text("utf-8"), tool_identity(), sizes, *_SETTINGS]
    return made_once("original", [*parts, Path(__file__).read_text("utf-8")], make)


def _build(work: Path, sources: Sources, standard: Sequence[str], sizes: str) -> str:
    """Compile; return what the tools said if they failed."""
    build = work / "build"
    shutil.rmtree(build, ignore_errors=True)
    command = [str(verilator_binary()), *_SETTINGS, *standard, "--top-module", WRAPPER]
    command += [f"-I{folder}" for folder in sources.folders]
    command += [f"-D{name}={value}" for name, value in sources.defines.items()]
    command += ["-o", "original", "-Mdir", str(build), "-CFLAGS", sizes]
    command += [*map(str, sources.paths), f"{WRAPPER}.v", str(DRIVER)]
    with verilator_environment("-O1"):
        environment = dict(os.environ)
    said = _run(command, work, environment)
    if said:
        return said
    _uninitialised(build)
    return _run(["make", "-f", f"V{WRAPPER}.mk", "-j", "1"], build, environment)


def _uninitialised(build: Path) -> None:
    """Let what Verilator generated begin with the unknown values that a run asks for.

    An x that is assigned would always be random, and a register that became the output of an
    inlined instance (`Vcellout`) always 0.
    """
    headers = "".join(path.read_text("utf-8") for path in build.glob("*.h"))
    widths = {name: int(high) + 1 for high, name in _OUTPUT.findall(headers)}

    def random(found: re.Match[str]) -> str:
        name = found[1]
        width = widths.get(name, 1)
        if width > 64:
            return found[0]
        salt = int(hashlib.sha256(name.encode()).hexdigest()[:15], 16)
        kind = "Q" if width > 32 else "I"
        return f"vlSelf->{name} = VL_SCOPED_RAND_RESET_{kind}({width}, {_SCOPE}, {salt}ull);"

    def random_wide(found: re.Match[str]) -> str:
        salt = int(hashlib.sha256(found[2].encode()).hexdigest()[:15], 16)
        return f"VL_SCOPED_RAND_RESET_W({found[1]}, vlSelf->{found[2]}, {_SCOPE}, {salt}ull);"

    for path in build.glob("*.cpp"):
        text = path.read_text("utf-8").replace("_RAND_RESET_ASSIGN_", "_RAND_RESET_")
        path.write_text(_ZERO_WIDE.sub(random_wide, _ZERO.sub(random, text)), "utf-8")


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    return (done.stdout + done.stderr or "no word") if done.returncode else ""


def _refusal(sources: Sources, top: str, log: str) -> str:
    said = [f"{path}:{line}: {what}" for path, line, what in _SAID.findall(log)]
    text = sources.as_typed("\n".join(said[:6] or [log[-1500:]]))
    return (
        f"Verilator does not take the original sources of {top}, so that the netlist cannot be "
        f"checked against them:\n{text}\nmend that, or go on unchecked with --no-check"
    )
