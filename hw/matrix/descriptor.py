"""The command that starts a job: loop bounds computed by software, one beat of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.contracts import ConfigError

if TYPE_CHECKING:
    from .config import MatrixConfig
    from .plan import MatrixJob

__all__ = ["DESCRIPTOR_BITS", "FIELDS", "command_fields", "descriptor_fields", "pack_descriptor"]

FIELDS = {
    "inner_m1": 20,
    "inner_last_m1": 20,
    "mid_m1": 20,
    "mid_last_m1": 20,
    "cols_m1": 20,
    "blocks_m1": 20,
    "gap_m1": 12,
    "gap_last_m1": 12,
    "edge_rows": 9,
    "edge_cols": 9,
    "resident": 1,
    "reserved": 13,
}
"""Width of each field, lowest bits first; ``*_m1`` fields hold a loop bound minus one.

The loops, outermost first: blocks, column tiles (`cols`), `mid` (output stationary: panels of the
block; weight stationary: k tiles), `inner` (output stationary: k; weight stationary: rows of the
block).
"""

MODE_BITS = 4
DESCRIPTOR_BITS = sum(FIELDS.values())
"""Bits of the command's one beat."""


def command_fields(*, modes: bool) -> dict[str, int]:
    """Return the fields of an engine that has `modes` or not: the mode lies in reserved bits."""
    if not modes:
        return FIELDS
    left = FIELDS["reserved"] - MODE_BITS
    return {**FIELDS, "reserved": left, "mode": MODE_BITS}


def descriptor_fields(config: MatrixConfig, job: MatrixJob) -> dict[str, int]:
    """Return the value of each descriptor field.

    ``edge_rows`` are the valid rows of the last panel (output stationary) or the words of the
    last k tile (weight stationary), ``edge_cols`` the valid columns of the last column tile.
    """
    if config.dataflow == "os":
        inner = inner_last = job.elements
        mid, mid_last, edge = job.block, job.last_block, job.m
    else:
        inner, inner_last = job.block, job.last_block
        mid, mid_last, edge = job.k_tiles, job.k_tiles, job.elements
    return {
        "inner_m1": inner - 1,
        "inner_last_m1": inner_last - 1,
        "mid_m1": mid - 1,
        "mid_last_m1": mid_last - 1,
        "cols_m1": job.col_tiles - 1,
        "blocks_m1": job.blocks - 1,
        "gap_m1": job.gap - 1,
        "gap_last_m1": job.gap_last - 1,
        "edge_rows": (edge - 1) % config.rows + 1,
        "edge_cols": (job.n - 1) % config.cols + 1,
        "resident": int(job.resident),
        "reserved": 0,
        **({"mode": config.numbers.mode_code(job.mode)} if config.formats else {}),
    }


def pack_descriptor(config: MatrixConfig, job: MatrixJob) -> int:
    """Return the descriptor as the integer on the command stream, first field lowest."""
    word, offset = 0, 0
    values = descriptor_fields(config, job)
    for name, width in command_fields(modes=bool(config.formats)).items():
        if values[name] >> width:
            raise ConfigError(
                f"{name}={values[name]} does not fit {width} bits; use a smaller array"
            )
        word |= values[name] << offset
        offset += width
    return word
