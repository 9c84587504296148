"""Writing and reading one design's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.contracts import ConfigError, make_folder, write_atomic

from .config_file import config_text, read_config, read_top
from .fusesoc import core_text
from .readme import readme_text
from .testbench import testbench_files

if TYPE_CHECKING:
    from boards.metrics import Metrics
    from hw.export import ExportedDesign

__all__ = ["DesignFolder", "write_design"]


@dataclass(frozen=True, slots=True)
class DesignFolder:
    """Where the files of one design are.

    ::

        config.toml     the configuration
        verilog/*.v     one file per module
        testbench/      tb_<top>.v: checks itself in any simulator; run_tests.py: with cocotb
        <top>.core      FuseSoC description
        metrics.json    figures with their provenance
        trace.json      per operator: time and its causes
        reports/        area by module, timing or routing, simulation, power by cause
        logs/*.log      what the tools said
        README.md       what is where, and how to run the test bench

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def config(self) -> Any:
        """The configuration; raises `ConfigError` if the folder holds none."""
        return read_config(self.path / "config.toml")

    @property
    def metrics(self) -> Metrics:
        """The figures; empty where nothing was measured.

        Raises `ConfigError` for a damaged file.
        """
        from boards.metrics import Metrics

        path = self.path / "metrics.json"
        try:
            return Metrics.from_json(path.read_text("utf-8")) if path.is_file() else Metrics()
        except (ConfigError, OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read {path} ({error}); run the same search again to restore it"
            ) from None

    @property
    def trace(self) -> dict[str, Any]:
        """The per-operator record; empty where there is none."""
        path = self.path / "trace.json"
        try:
            return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
        except ValueError as error:
            raise ConfigError(
                f"{path} is damaged ({error}); run the same search again to restore it"
            ) from None

    @property
    def verilog(self) -> str:
        """All Verilog of the folder in one text, as it is on disk.

        Raises `ConfigError` if there is none, or an empty file.
        """
        texts = {path: path.read_text("utf-8") for path in self.sources}
        empty = [path for path, text in texts.items() if not text.strip()]
        if empty or not texts:
            place = empty[0] if empty else self.path / "verilog"
            raise ConfigError(f"{place} holds no Verilog; write it again with `dse generate`")
        return "\n".join(texts.values())

    @property
    def top(self) -> str:
        """Name of the top module."""
        return read_top(self.path / "config.toml")

    @property
    def sources(self) -> tuple[Path, ...]:
        """The Verilog files, by name."""
        return tuple(sorted((self.path / "verilog").glob("*.v")))


def write_design(
    path: Path,
    config: Any,
    design: ExportedDesign,
    *,
    metrics: Metrics | None = None,
    trace: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
) -> DesignFolder:
    """Write a design folder; files that are there are replaced, each atomically.

    Parameters
    ----------
    path : Path
        The folder; made if need be.
    config : Block
        The configuration.
    design : ExportedDesign
        What `hw.export.export` made of it.
    metrics, trace
        What is known of it; left out where None.
    files : mapping of str to str
        Logs and reports by their place in the folder; those without content are left out.
    """
    make_folder(path)
    written: dict[str, str | bytes] = {
        "config.toml": config_text(config, design.top),
        **{f"verilog/{module.name}.v": module.verilog for module in design.modules},
        **testbench_files(config, design),
    }
    written[f"{design.top}.core"] = core_text(design, sorted(written))
    if metrics is not None:
        written["metrics.json"] = metrics.to_json(indent=2) + "\n"
    if trace is not None:
        written["trace.json"] = json.dumps(trace, indent=1) + "\n"
    written |= {name: text for name, text in (files or {}).items() if text}
    written["README.md"] = readme_text(design.top, written)
    for name, text in written.items():
        write_atomic(path / name, text)
    return DesignFolder(path)
