"""Which arithmetic each operator of a model gets: by operator class, and by third of the layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hw.contracts import ConfigError, did_you_mean

from .arithmetic import Arithmetic

__all__ = ["OPERATORS", "THIRDS", "Assignment", "third_of"]

OPERATORS = ("qkv", "qk", "av", "proj", "ffn_up", "ffn_down", "lm_head")
"""Operator classes: the GEMMs of the operator records."""

THIRDS = ("first", "middle", "last")


def third_of(layer: int, layers: int) -> str:
    """Return the third of the model that a layer, counted from 0, is in."""
    return THIRDS[3 * layer // layers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Arithmetic by operator class and third, so that it carries over between depths.

    Parameters
    ----------
    default : Arithmetic or None
        What holds where nothing else is said; None is float64, unquantised.
    operators : mapping of str to Arithmetic or None
        ``"ffn_up"`` or, before it, ``"ffn_up.first"``. The LM head has no thirds.
    """

    default: Arithmetic | None = None
    operators: Mapping[str, Arithmetic | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [*OPERATORS, *(f"{op}.{third}" for op in OPERATORS[:-1] for third in THIRDS)]
        for name in self.operators:
            if name not in known:
                raise ConfigError(f"operator {name!r} is not known{did_you_mean(name, known)}")
        object.__setattr__(self, "operators", MappingProxyType(dict(self.operators)))

    @classmethod
    def parse(cls, text: str) -> Assignment:
        """Read ``"int8,ffn_up=fp4@24,qkv.first=bf16,lm_head=float64"``."""
        default: Arithmetic | None = None
        operators: dict[str, Arithmetic | None] = {}
        for index, part in enumerate(text.split(",")):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals and index:
                raise ConfigError(f"{part!r} says no operator; write OPERATOR=FORMAT")
            if name in operators:
                raise ConfigError(f"operator {name!r} is given twice in {text!r}; give it once")
            if equals:
                operators[name] = _arithmetic(value)
            else:
                default = _arithmetic(name)
        return cls(default=default, operators=operators)

    @property
    def text(self) -> str:
        """What `parse` reads."""
        parts = [f"{name}={_text(value)}" for name, value in sorted(self.operators.items())]
        return ",".join([_text(self.default), *parts])

    def of(self, operator: str, layer: int, layers: int) -> Arithmetic | None:
        """Return the arithmetic of an operator in a layer."""
        if operator != "lm_head":
            exact = f"{operator}.{third_of(layer, layers)}"
            if exact in self.operators:
                return self.operators[exact]
        return self.operators.get(operator, self.default)


def _arithmetic(text: str) -> Arithmetic | None:
    return None if text.strip() == "float64" else Arithmetic.parse(text)


def _text(value: Arithmetic | None) -> str:
    return "float64" if value is None else value.text
