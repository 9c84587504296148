"""What a multiply-accumulate unit is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from hw.contracts import ConfigError

__all__ = ["MacJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MacJob:
    """Dot products of equal length in one mode, one after the other.

    Parameters
    ----------
    mode : str
        Format of the operands.
    length : int
        Products of each; with a sum for each lane, products of all lanes together.
    count : int
        How many dot products.
    output : str or None
        Format of the results; None where the unit has but one choice.
    """

    mode: str
    length: int
    count: int = 1
    output: str | None = None

    def __post_init__(self) -> None:
        for field in ("length", "count"):
            value = getattr(self, field)
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"{field}={value!r} is no work; use 1 or more")
