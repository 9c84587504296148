"""Shell completion of values: what can be typed after an option."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "design_folders",
    "objective_names",
    "run_names",
    "sampler_names",
    "target_names",
    "workload_names",
]


def target_names(incomplete: str) -> list[str]:
    """Return the targets that start with `incomplete`."""
    from boards.target import list_targets

    return [name for name in list_targets() if name.startswith(incomplete)]


def workload_names(incomplete: str) -> list[str]:
    """Return the built-in models that start with `incomplete`."""
    from dse.workloads import builtin_models

    return [name for name in builtin_models() if name.startswith(incomplete)]


def objective_names(incomplete: str) -> list[str]:
    """Return the objectives that start with `incomplete`."""
    from dse.explore.objectives import OBJECTIVES

    return [name for name in OBJECTIVES if name.startswith(incomplete)]


def sampler_names(incomplete: str) -> list[str]:
    """Return the samplers that start with `incomplete`."""
    from dse.explore.study import SAMPLERS

    return [name for name in SAMPLERS if name.startswith(incomplete)]


def run_names(incomplete: str) -> list[str]:
    """Return the run folders under ``runs`` that start with `incomplete`."""
    found = (str(path.parent) for path in sorted(Path("runs").glob("*/run.json")))
    return [name for name in found if name.startswith(incomplete)]


def design_folders(incomplete: str) -> list[str]:
    """Return the design folders under ``runs`` that start with `incomplete`."""
    found = (str(path.parent) for path in sorted(Path("runs").glob("*/designs/*/config.toml")))
    return [name for name in found if name.startswith(incomplete)]
