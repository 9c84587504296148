"""What a run was made from: its target and workload, loaded again from where they came."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from boards.target import DEFAULT_TARGET, Target, list_targets, load_target
from dse.workloads import (
    OperatorList,
    RequestClass,
    Scenario,
    Trace,
    Workload,
    builtin_models,
    load_workload,
)
from hw.contracts import ConfigError

__all__ = ["digest", "origin", "run_target", "run_trace", "run_workload", "target_name"]

_DEFAULT_WORKLOAD = "gpt2"


def origin(given: Workload | OperatorList, target: Target, target_file: Path | None) -> Any:
    """Return ``run.json``'s ``origin``: files, scenario and sizes, enough to load both again."""
    workload: dict[str, Any] = {"file": given.source or None}
    if isinstance(given, Workload):
        workload["scenario"] = asdict(given.scenario)
    else:
        workload["dims"] = dict(given.dims)
    file = str(target_file.absolute()) if target_file else None
    return {"workload": workload, "target": {"file": file, "sha256": digest(target)}}


def digest(found: Any) -> str:
    """Return the SHA-256 of all that a target, or the operators of a trace, say."""
    return hashlib.sha256(repr(found).encode()).hexdigest()


def target_name(info: Mapping[str, Any]) -> str | None:
    """Return the name of the target that ``run.json`` describes; None if it is empty."""
    return _name(info, "target")


def run_target(info: Mapping[str, Any]) -> Target:
    """Return the target of the run that ``run.json`` describes; the default one if it is empty.

    Raises
    ------
    ConfigError
        The target's file is gone or says something else now.
    """
    name = target_name(info) or DEFAULT_TARGET
    made_from = _origin(info, "target")
    file = made_from.get("file")
    if file is None:
        _require_known("target", name, list_targets())
        return load_target(name)
    _require_file("target", file)
    found = load_target(file)
    _require_unchanged("target", file, digest(found), made_from.get("sha256"))
    return found


def run_trace(info: Mapping[str, Any]) -> Trace:
    """Return the operators of the run that ``run.json`` describes, as of `run_workload`."""
    return run_workload(info).trace()


def run_workload(info: Mapping[str, Any]) -> Workload | OperatorList:
    """Return the workload of the run that ``run.json`` describes; GPT-2 if it is empty.

    Raises
    ------
    ConfigError
        The workload's file is gone or says something else now.
    """
    name = _name(info, "workload") or _DEFAULT_WORKLOAD
    made_from = _origin(info, "workload")
    file = made_from.get("file")
    if file is None:
        _require_known("workload", name, builtin_models())
    else:
        _require_file("workload", file)
    scenario = made_from.get("scenario")
    dims = made_from.get("dims")
    found = load_workload(file or name, scenario and _scenario(scenario), dims=dims)
    if file is not None:
        before = info["workload"].get("operators_sha256")
        _require_unchanged("workload", file, digest(found.trace().operators), before)
    return found


def _name(info: Mapping[str, Any], what: str) -> str | None:
    entry = info.get(what)
    return entry.get("name") if isinstance(entry, Mapping) else entry


def _origin(info: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = info.get("origin", {}).get(what, {})
    return found


def _scenario(given: Mapping[str, Any]) -> Scenario:
    classes = tuple(RequestClass(**request) for request in given["classes"])
    return Scenario(**{**given, "classes": classes})


def _require_known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise ConfigError(
            f"the run's {what} {name!r} came from no file that run.json names; "
            f"say where it is with --{what} FILE"
        )


def _require_file(what: str, file: str) -> None:
    if not Path(file).exists():
        raise ConfigError(
            f"{file}, the {what} that the run was made from, is gone; put it back, "
            f"or say where it is now with --{what} FILE"
        )


def _require_unchanged(what: str, file: str, now: str, before: str | None) -> None:
    if before not in (None, now):
        raise ConfigError(
            f"{file}, the {what} that the run was made from, was changed since; put the old one "
            f"back, or ask about the new one with --{what} {file}"
        )
