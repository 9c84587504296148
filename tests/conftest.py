"""Fixtures of all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from hw.contracts import KilnError

if TYPE_CHECKING:
    from sim.cosim import CosimResult, GemmCase


class Cosim(Protocol):
    """Run jobs on the exported Verilog of `config`; options are those of `sim.cosim.run_jobs`."""

    def __call__(self, config: Any, cases: list[GemmCase], **options: Any) -> CosimResult: ...


@pytest.fixture(scope="session")
def cosim() -> Cosim:
    """Return a function that co-simulates; each configuration is exported once per session."""
    from hw.export import ExportedDesign, export
    from sim.cosim import run_jobs
    from sim.cosim.tools import tool_identity

    try:
        tool_identity()
    except KilnError as error:
        pytest.skip(str(error))
    designs: dict[Any, ExportedDesign] = {}

    def run(config: Any, cases: list[GemmCase], **options: Any) -> CosimResult:
        design = options.pop("design", None)
        if design is None:
            design = designs.get(config) or designs.setdefault(config, export(config))
        return run_jobs(design, config, cases, **options)

    return run
