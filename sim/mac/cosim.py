"""Exported multiply-accumulate units under cocotb: what `dse verify` runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.contracts import make_folder, scratch_folder, time_limit
from sim.cosim import CosimBuildError, CosimError, CosimProtocolError
from sim.cosim.lint import lint
from sim.cosim.runner import run_module, tail
from sim.cosim.tools import tool_identity, verilator_environment
from sim.programs import made_once

from .stimulus import Stimulus, random_stimulus

if TYPE_CHECKING:
    from hw.mac import MacConfig
    from sim.cosim.model import Design

__all__ = ["MacVerifyResult", "VerifiedRun", "play", "verify_unit"]

BENCH = Path(__file__).with_name("bench")
_TEST_MODULE = "kiln_mac_test"
_LIMIT_S = 1800.0  # of one build or simulation
_HURRIED = (100, 100)
_PEERS = (_HURRIED, (60, 100), (100, 50), (55, 65))  # of a hundred cycles, how many willing


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRun:
    """One run over all dot products.

    Members
    -------
    offer, take : int
        Of a hundred cycles, in how many producer and consumer are willing.
    results : int
        Results that came.
    mismatches : int
        Those that differ from the golden model.
    late : int or None
        Those that came in another cycle than the model says; None where the peers pause.
    """

    offer: int
    take: int
    results: int
    mismatches: int
    late: int | None

    @property
    def passed(self) -> bool:
        return not self.mismatches and not self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class MacVerifyResult:
    """What a verification found.

    Members
    -------
    lint : tuple of str
        Warnings of ``verilator --lint-only -Wall`` without waivers.
    runs : tuple of VerifiedRun
        The same dot products with peers that pause more or less.
    """

    lint: tuple[str, ...]
    runs: tuple[VerifiedRun, ...]

    @property
    def passed(self) -> bool:
        """Whether there is no warning, no wrong result and none late."""
        return not self.lint and all(run.passed for run in self.runs)


def verify_unit(
    design: Design, config: MacConfig, *, seed: int = 0, dots: int = 8
) -> MacVerifyResult:
    """Compare the Verilog of `design` with the models of `config`, under cocotb.

    Parameters
    ----------
    design : Design
        The Verilog, its top module's name and ports.
    config : MacConfig
        The configuration from which it was exported.
    seed : int
        Seed of operands and lengths.
    dots : int
        Dot products of each mode.

    Raises
    ------
    CosimError
        A stream broke its rules or stands still, or the Verilog does not compile.
    """
    warnings = lint(design)
    if errors := [line for line in warnings if line.startswith("%Error")]:
        raise CosimError(f"{design.top} is no valid Verilog:\n" + "\n".join(errors[:8]))
    stimulus = random_stimulus(config, dots, seed=seed)
    peers = [pair for pair in _PEERS if config.stall or pair[1] == 100]
    return MacVerifyResult(
        lint=warnings, runs=tuple(_run(design, config, stimulus, *pair) for pair in peers)
    )


def _run(
    design: Design, config: MacConfig, stimulus: Stimulus, offer: int, take: int
) -> VerifiedRun:
    found = play(design, stimulus, offer=offer, take=take)
    ends = [at for at, (_, last) in enumerate(stimulus.elements) if last]
    late = None
    if (offer, take) == _HURRIED:
        times = zip(found["cycles"], ends, strict=True)
        late = sum(cycle != end + config.latency for cycle, end in times)
    return VerifiedRun(
        offer=offer,
        take=take,
        results=len(found["cycles"]),
        mismatches=len(found["wrong"]),
        late=late,
    )


def play(design: Design, stimulus: Stimulus, *, offer: int = 100, take: int = 100) -> Any:
    """Run the cocotb bench once; return its status: cycles of the results and wrong ones.

    Raises
    ------
    CosimProtocolError
        A result changed or was withdrawn while it waited, was never asked for, or never came.
    """
    model = _compiled(design)
    plan = {
        "elements": [[f"{word:x}", last] for word, last in stimulus.elements],
        "expected": [[f"{word:x}", f"{mask:x}"] for word, mask in stimulus.expected],
        "offer": offer,
        "take": take,
    }
    with scratch_folder() as folder:
        (folder / "mac.json").write_text(json.dumps(plan))
        ended = run_module(
            _TEST_MODULE, design.top, bench=BENCH, model=model, folder=folder, limit_s=_LIMIT_S
        )
        if not (folder / "status.json").exists():
            raise CosimError(
                f"the simulation of {design.top!r} died ({ended.failure}):\n{ended.log}"
            )
        status = json.loads((folder / "status.json").read_text())
    if status["fault"]:
        raise CosimProtocolError(f"{status['fault']} (cycle {status['cycle']})")
    return status


def _compiled(design: Design) -> Path:
    """Return the folder of the simulator of `design`, from the cache if it is there."""

    def make(work: Path) -> Path:
        _build(design, work)
        done = make_folder(work / "done")
        (work / "build" / design.top).rename(done / design.top)
        return done

    return made_once("mac-cocotb", [design.top, design.verilog, tool_identity()], make)


def _build(design: Design, work: Path) -> None:
    from cocotb_tools.runner import get_runner

    source, log = work / f"{design.top}.v", work / "build.log"
    source.write_text(design.verilog)
    try:
        with verilator_environment("-O0"), time_limit(work, _LIMIT_S):
            get_runner("verilator").build(
                sources=[source],
                hdl_toplevel=design.top,
                build_dir=work / "build",
                build_args=["-Wno-fatal"],
                log_file=log,
            )
    except (RuntimeError, SystemExit) as error:
        raise CosimBuildError(
            f"the design {design.top!r} does not compile ({error}):\n{tail(log)}"
        ) from error
