"""Whether a model fits the memory of a target, and what to do where it does not."""

from __future__ import annotations

from collections.abc import Iterable

from boards.target import Target, list_targets, load_target
from hw.contracts import ConfigError

from .shapes import TraceLike

__all__ = ["fitting_targets", "memory_fill", "require_fit"]


def memory_fill(trace: TraceLike, target: Target, operand_bits: int) -> float:
    """Return weights and KV cache at this width, as a share of the target's memory."""
    return trace.footprint(operand_bits).total_bytes / target.memory.capacity_bytes


def fitting_targets(trace: TraceLike, operand_bits: int) -> tuple[str, ...]:
    """Return the known targets whose memory holds the model at this width, smallest first."""
    fits = []
    for name in list_targets():
        try:
            target = load_target(name)
        except ConfigError:
            continue  # a broken plug-in is reported when it is asked for
        if memory_fill(trace, target, operand_bits) <= 1:
            fits.append((target.memory.capacity_bytes, name))
    return tuple(name for _, name in sorted(fits))


def require_fit(trace: TraceLike, target: Target, operand_bits: Iterable[int]) -> tuple[int, ...]:
    """Return the widths at which the model fits; refuse a model that fits at none.

    Raises
    ------
    ConfigError
        Names bytes, capacity, and the targets that hold the model.
    """
    widths = sorted(set(operand_bits))
    fit = tuple(bits for bits in widths if memory_fill(trace, target, bits) <= 1)
    if fit:
        return fit
    need = trace.footprint(widths[0])
    others = fitting_targets(trace, widths[0])
    remedy = f"use --target {' or '.join(others[:3])}" if others else "choose a smaller model"
    widest = f"even at {widths[0]} bits, the narrowest of the space" if len(widths) > 1 else (
        f"at {widths[0]} bits"
    )  # fmt: skip
    raise ConfigError(
        f"{trace.name} does not fit {target.name}: {widest}, weights "
        f"({_mib(need.weight_bytes)}) and KV cache ({_mib(need.kv_bytes)}) need "
        f"{_mib(need.total_bytes)}, its memory holds {_mib(target.memory.capacity_bytes)}; {remedy}"
    )


def _mib(count: float) -> str:
    return f"{count / (1 << 20):,.1f} MiB"
