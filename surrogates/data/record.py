"""The schema: a design with its modules, and one measurement of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hw.export import ExportedDesign

__all__ = [
    "SCHEMA",
    "DesignRecord",
    "Measurement",
    "ModuleRecord",
    "module_name",
    "record_design",
]

SCHEMA = 1
_DIGEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRecord:
    """One module of a design.

    Members
    -------
    digest : str
        Of its text, without comments and without the design's name: equal text is equal hardware,
        and is measured and learned from once.
    count : int
        How often it occurs in the design.
    """

    digest: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRecord:
    """One design.

    Members
    -------
    generator : str
        Name in `dse.dataset.GENERATORS`, or what a user calls the origin of a design.
    knobs : dict
        What the generator makes it from; plain JSON.
    digest : str
        Of all modules and their counts.
    modules : dict of str to ModuleRecord
        By name, children before parents and the top module last.
    """

    generator: str
    knobs: Mapping[str, Any]
    digest: str
    modules: Mapping[str, ModuleRecord]

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for `from_json`."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DesignRecord:
        """Return the record that `to_json` made."""
        modules = {name: ModuleRecord(**entry) for name, entry in data["modules"].items()}
        return cls(
            generator=data["generator"],
            knobs=data["knobs"],
            digest=data["digest"],
            modules=modules,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one run of tools found about a design.

    Members
    -------
    design : str
        Digest of the design.
    kind : str
        ``area``, ``clock`` or ``power``.
    target, family : str
        What it was mapped to.
    figures : dict of str to float
        By the names of `boards.metrics`, which say how each was found.
    modules : dict of str to dict
        Of each module by its name: own resources of one instance, without its children.
    seed : int
        Of placement, or of the stimulus; 0 where nothing is random.
    tools : dict of str to str
        Version of each tool that had a part in it.
    error : str
        Why there are no figures: what does not fit, or does not route, is a result too.
    """

    design: str
    kind: str
    target: str
    family: str
    figures: Mapping[str, float] = field(default_factory=dict)
    modules: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seed: int = 0
    tools: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def key(self) -> str:
        """Tells apart measurements of one design."""
        return f"{self.kind}-{self.family}-{self.seed}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for `from_json`."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measurement:
        """Return the measurement that `to_json` made."""
        return cls(**{name: value for name, value in data.items() if name != "schema"})


def record_design(generator: str, knobs: Mapping[str, Any], design: ExportedDesign) -> DesignRecord:
    """Return the record of an exported design."""
    modules = {
        module_name(module.name, design.top): ModuleRecord(
            digest=_digest(_bare(module.verilog, module.name, design.top)), count=module.count
        )
        for module in design.modules
    }
    whole = _digest(repr([(m.digest, m.count) for m in modules.values()]))
    return DesignRecord(generator=generator, knobs=dict(knobs), digest=whole, modules=modules)


def module_name(name: str, top: str) -> str:
    """Return what a module is called whatever the design is; the top module is ``top``."""
    return "top" if name == top else name.removeprefix(f"{top}_")


def _bare(verilog: str, name: str, top: str) -> str:
    """Return the text without what says nothing of the hardware: comments, the design's name, and
    the module's own."""
    text = re.sub(r"//[^\n]*", "", verilog)
    text = re.sub(rf"\bmodule {re.escape(name)}\b", "module", text)
    return re.sub(rf"\b{re.escape(top)}_(?=\w)", "", text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
