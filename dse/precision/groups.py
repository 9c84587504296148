"""Groups that formats are assigned to: an operator class in one third of the layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dse.workloads.model import ModelSpec
from hw.contracts import ConfigError, Operator, OperatorKind, did_you_mean
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import OPERATORS, THIRDS, Assignment, third_of

__all__ = [
    "CLASSES",
    "GROUPS",
    "Group",
    "groups_of",
    "layers_of",
    "make_assignment",
    "operator_class",
    "shares",
    "split_operators",
]

CLASSES: Mapping[str, tuple[str, ...]] = {
    "qkv": ("qkv", "q", "q_down", "q_up", "kv_down", "kv_up", "q_absorb", "v_absorb"),
    "qk": ("qk",),
    "av": ("av",),
    "proj": ("proj",),
    "ffn_up": (
        *("ffn_gate", "ffn_up", "router"),
        *("expert_gate", "expert_up", "shared_gate", "shared_up"),
    ),
    "ffn_down": ("ffn_down", "expert_down", "shared_down"),
    "lm_head": ("lm_head",),
}
"""GEMMs of the operator records by the class whose format they take.

What GPT-2 does not have is put to what it has that reads the same input, or does the same with it.
"""

_CLASS_OF = {name: group for group, names in CLASSES.items() for name in names}


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """An operator class in a third of the layers.

    Parameters
    ----------
    operator : str
        One of `sim.quality.assignment.OPERATORS`.
    third : str
        ``first``, ``middle`` or ``last``; empty for the LM head, which has no thirds.
    """

    operator: str
    third: str = ""

    def __post_init__(self) -> None:
        thirds = ("",) if self.operator == "lm_head" else THIRDS
        if self.operator not in OPERATORS or self.third not in thirds:
            raise ConfigError(f"group {self.name!r} is not known{did_you_mean(self.name, _NAMES)}")

    @classmethod
    def parse(cls, name: str) -> Group:
        """Read ``"ffn_up.first"`` or ``"lm_head"``."""
        operator, _, third = name.strip().partition(".")
        return cls(operator, third)

    @property
    def name(self) -> str:
        """What `parse` reads, and `sim.quality.assignment.Assignment` as well."""
        return f"{self.operator}.{self.third}" if self.third else self.operator

    def __str__(self) -> str:
        return self.name


_NAMES = (*(f"{op}.{third}" for op in OPERATORS[:-1] for third in THIRDS), "lm_head")

GROUPS = tuple(Group.parse(name) for name in _NAMES)
"""All groups, in the order of execution."""


def operator_class(name: str) -> str:
    """Return the class of the GEMM records called `name`.

    Raises `ConfigError` for other names: of a list of GEMMs nobody knows what they do in a model.
    """
    if name not in _CLASS_OF:
        raise ConfigError(
            f"operator {name!r} is of no class that formats are judged for; search formats for a "
            "model, or give one format"
        )
    return _CLASS_OF[name]


def groups_of(operator: Operator, model: ModelSpec) -> dict[Group, int]:
    """Return how many of the runs that a GEMM record counts fall to each group.

    Raises `ConfigError` if they are not the same number for each of its layers.
    """
    name = operator_class(operator.name)
    if name == "lm_head":
        return {Group(name): operator.count}
    span = layers_of(operator.name, model)
    each, rest = divmod(operator.count, max(len(span), 1))
    if rest or not span:
        raise ConfigError(
            f"operator {operator.name!r} runs {operator.count} times, which is not the same for "
            f"each of {len(span)} layers; take the records from {model.name}'s own trace"
        )
    return {Group(name, third): each * layers for third, layers in shares(span, model.layers)}


def layers_of(name: str, model: ModelSpec) -> range:
    """Return the layers that have the GEMM called `name`."""
    if name.startswith(("expert_", "shared_", "router")):
        return range(model.dense_layers, model.layers)
    if name.startswith("ffn_"):
        return range(model.dense_layers)
    return range(model.layers)


def shares(span: Iterable[int], layers: int) -> list[tuple[str, int]]:
    """Return how many of the layers in `span`, of `layers` in all, each third has, if any."""
    return list(Counter(third_of(layer, layers) for layer in span).items())


def split_operators(
    operators: Iterable[Operator], model: ModelSpec
) -> dict[Group, tuple[Operator, ...]]:
    """Return the GEMM records by group; those of several groups are split by their counts.

    Groups that have no operator are left out, as are operators that are no GEMMs.
    """
    found: dict[Group, list[Operator]] = {}
    for operator in operators:
        if operator.kind is OperatorKind.GEMM:
            for group, count in groups_of(operator, model).items():
                found.setdefault(group, []).append(replace(operator, count=count))
    return {group: tuple(found[group]) for group in GROUPS if group in found}


def make_assignment(formats: Mapping[Group, Arithmetic]) -> Assignment:
    """Return the shortest assignment with these formats; equal ones have equal texts.

    What is in no group has the format that most groups have.
    """
    counts = Counter(arithmetic.text for arithmetic in formats.values())
    usual = min(counts, key=lambda text: (-counts[text], text))
    by_class: dict[str, dict[Group, Arithmetic]] = {}
    for group, arithmetic in formats.items():
        by_class.setdefault(group.operator, {})[group] = arithmetic
    operators: dict[str, Arithmetic | None] = {}
    for name, members in by_class.items():
        texts = {arithmetic.text for arithmetic in members.values()}
        if len(texts) == 1 and len(members) in (1 if name == "lm_head" else 3,):
            if texts != {usual}:
                operators[name] = next(iter(members.values()))
        else:
            for group, arithmetic in members.items():
                if arithmetic.text != usual:
                    operators[group.name] = arithmetic
    return Assignment(default=Arithmetic.parse(usual), operators=operators)
