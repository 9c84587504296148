"""An accelerator: named instances of blocks, and the host that runs what none of them can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hw.contracts import Block, ConfigError, Job, Operator, did_you_mean
from hw.host import HostConfig
from hw.matrix import MatrixConfig

__all__ = ["HOST", "AcceleratorConfig", "BlockInstance"]

HOST = "host"
"""Name under which the mapping speaks of the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockInstance:
    """One block of an accelerator.

    Parameters
    ----------
    name : str
        What the mapping and the report call it; a Verilog identifier.
    config : Block
        The block's frozen configuration.
    """

    name: str
    config: Block

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name == HOST:
            raise ConfigError(
                f"name={self.name!r} names no block instance; use letters, digits and underscores, "
                f"and not {HOST!r}"
            )
        if not isinstance(self.config, Block):
            raise ConfigError(
                f"{self.name}: {type(self.config).__name__} is no block; give it create(), "
                f"jobs(), golden() and cycles()"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorConfig:
    """Blocks that are generated, and the host beside them.

    Parameters
    ----------
    blocks : tuple of BlockInstance
        In order of preference: an operator runs on the first block that can run it.
    host : HostConfig
        Runs the rest, at stated rates.
    """

    blocks: tuple[BlockInstance, ...]
    host: HostConfig

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if not self.blocks:
            raise ConfigError("blocks is empty; give at least one block, such as a matrix engine")
        names = [instance.name for instance in self.blocks]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"block name {name!r} is used twice; name each instance apart")

    @classmethod
    def of_matrix(cls, config: MatrixConfig, host: HostConfig) -> AcceleratorConfig:
        """Return the accelerator of one matrix engine."""
        return cls(blocks=(BlockInstance(name="matrix0", config=config),), host=host)

    def block(self, name: str) -> Block:
        """Return the configuration of the instance called `name`, or the host's."""
        known: dict[str, Block] = {instance.name: instance.config for instance in self.blocks}
        known[HOST] = self.host
        if name not in known:
            raise ConfigError(f"unknown block instance {name!r}{did_you_mean(name, known)}")
        return known[name]

    def place(self, op: Operator) -> tuple[str, tuple[Job, ...]]:
        """Return who runs `op`, and the jobs of one run of it.

        Raises
        ------
        ConfigError
            If neither a block nor the host can run it.
        """
        for name, config in self._executors():
            jobs = config.jobs(op)
            if jobs is not None:
                return name, jobs
        raise ConfigError(
            f"operator {op.name!r} ({op.kind}) runs on no block, and the host states no rate for "
            f"it; add rates.{op.kind} to [host]"
        )

    def mapping(self, operators: tuple[Operator, ...]) -> dict[Operator, str]:
        """Return who runs each of `operators`."""
        return {op: self.place(op)[0] for op in operators}

    def created(self) -> dict[str, Any]:
        """Return the Amaranth component of every block that has hardware."""
        parts = {instance.name: instance.config.create() for instance in self.blocks}
        return {name: part for name, part in parts.items() if part is not None}

    def _executors(self) -> Iterator[tuple[str, Block]]:
        yield from ((instance.name, instance.config) for instance in self.blocks)
        yield HOST, self.host
