"""Exported Verilog to a compiled simulator, once per content: the cache of compiled models."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hw.contracts import make_folder, remove_folder, time_limit, write_atomic

from .activity import select_points
from .errors import CosimBuildError
from .tools import cache_root, tool_identity, verilator_environment

__all__ = ["BENCH", "CompiledModel", "Design", "compile_model", "stream_bits"]

BENCH = Path(__file__).parent / "bench"
TEST_BENCH = "kiln_tb"
_LIMIT_S = 3600.0  # of one build; some minutes is the most that was seen
_STREAM_PORTS = {
    "CMD_BITS": "s_axis_cmd_tdata",
    "A_BITS": "s_axis_a_tdata",
    "B_BITS": "s_axis_b_tdata",
    "O_BITS": "m_axis_tdata",
}
_BUILD_ARGUMENTS = (
    "--no-public-flat-rw",  # cocotb sees what the test bench marks: several times faster
    "--output-split",  # few large C++ files: the headers cost more than what parallel make gains
    "200000",
    "-Wno-fatal",
)
_COUNTING = ("--coverage-line", "--coverage-toggle", "--coverage-max-width", "4096")
_VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "activity": _COUNTING,
    "coverage": _COUNTING,
}


class _Port(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int: ...


class Design(Protocol):
    """The part of `hw.export.ExportedDesign` that a simulation needs."""

    @property
    def top(self) -> str: ...
    @property
    def verilog(self) -> str: ...
    @property
    def ports(self) -> Sequence[_Port]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModel:
    """A simulator on disk.

    Members
    -------
    folder : Path
        Its folder in the cache, with ``build.log``.
    variant : str
        ``"plain"``, ``"activity"`` or ``"coverage"``.
    cached : bool
        Whether it was there already.
    """

    folder: Path
    variant: str
    cached: bool


def stream_bits(design: Design) -> dict[str, int]:
    """Return the width of each stream's ``tdata``, as the test bench's parameters."""
    widths = {port.name: port.width for port in design.ports}
    missing = [port for port in _STREAM_PORTS.values() if port not in widths]
    if missing:
        raise CosimBuildError(
            f"the top module {design.top!r} has no port {missing[0]!r}; "
            f"export it with its AXI4-Stream names"
        )
    return {parameter: widths[port] for parameter, port in _STREAM_PORTS.items()}


def compile_model(
    design: Design,
    *,
    variant: str = "plain",
    optimize: str | None = None,
    cache: Path | None = None,
) -> CompiledModel:
    """Return the compiled simulator of `design`, from the cache if it is there.

    The key is the text of design and test bench, the tools' identity and the options. Two
    processes that ask at once build once; a build that is interrupted leaves nothing.

    Parameters
    ----------
    design : Design
        What `hw.export.export` returns.
    variant : str
        ``"coverage"`` counts executed lines and toggles of every bit, ``"activity"`` those that
        power needs, and compiles faster.
    optimize : str, optional
        Optimisation of the model's C++: by default ``"-O1"``, and ``"-O0"`` for what counts, whose
        code is long and runs briefly.
    cache : Path, optional
        Folder of the compiled models.

    Raises
    ------
    CosimBuildError
        Verilator or the C++ compiler refused.
    """
    optimize = optimize or ("-O1" if variant == "plain" else "-O0")
    root = make_folder(cache or cache_root() / "models")
    key = _key(design, variant, optimize)
    folder = root / key
    if (folder / TEST_BENCH).exists():
        return CompiledModel(folder=folder, variant=variant, cached=True)
    with _locked(root / f".{key}.lock"):
        if (folder / TEST_BENCH).exists():
            return CompiledModel(folder=folder, variant=variant, cached=True)
        _build(design, variant, optimize, folder)
    return CompiledModel(folder=folder, variant=variant, cached=False)


def _key(design: Design, variant: str, optimize: str) -> str:
    parts = [
        design.top,
        design.verilog,
        json.dumps(stream_bits(design)),
        (BENCH / f"{TEST_BENCH}.v").read_text(),
        tool_identity(),
        *_BUILD_ARGUMENTS,
        *_VARIANTS[variant],
        variant + ("2" if variant == "activity" else "1"),  # up when what it counts changes
        optimize,
        str(BENCH.resolve()),  # coverage and the linked libraries name paths of this installation
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock; the system releases it when the process ends, however it ends."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(design: Design, variant: str, optimize: str, folder: Path) -> None:
    for abandoned in folder.parent.glob(f".{folder.name}.*/"):  # by a build that was killed
        remove_folder(abandoned)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        source = work / f"{design.top}.v"
        counted = select_points(design.verilog) if variant == "activity" else design.verilog
        source.write_text(counted)
        _run_build(design, variant, optimize, source, work)
        done = work / "done"
        done.mkdir()
        for name in (TEST_BENCH, "build.log", source.name):
            found = work / "build" / name
            shutil.move(found if found.exists() else work / name, done / name)
        about = {"top": design.top, "variant": variant, "tools": tool_identity()}
        write_atomic(done / "model.json", json.dumps(about, indent=1))
        done.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_build(design: Design, variant: str, optimize: str, source: Path, work: Path) -> None:
    from cocotb_tools.runner import get_runner

    log = work / "build.log"
    runner = get_runner("verilator")
    try:
        with verilator_environment(optimize), time_limit(work, _LIMIT_S) as over:
            runner.build(
                sources=[BENCH / f"{TEST_BENCH}.v", source],
                hdl_toplevel=TEST_BENCH,
                build_dir=work / "build",
                build_args=[*_BUILD_ARGUMENTS, *_VARIANTS[variant]],
                defines={"KILN_TOP": design.top},
                parameters=stream_bits(design),
                log_file=log,
            )
    except (RuntimeError, SystemExit) as error:
        if over.is_set():
            raise CosimBuildError(
                f"compiling {design.top!r} was stopped after its limit of {_LIMIT_S:g} s; "
                "choose a smaller design"
            ) from error
        text = log.read_text(errors="replace") if log.exists() else ""
        problems = [line for line in text.splitlines() if "rror" in line]
        tail = "\n".join((problems or text.splitlines())[-8:])
        raise CosimBuildError(
            f"the design {design.top!r} does not compile ({error}):\n{tail}"
        ) from error
