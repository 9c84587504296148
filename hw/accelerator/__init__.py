"""One frozen configuration that composes blocks; and the registry in which blocks plug in."""

from .blocks import block_name, find_block, list_blocks
from .config import AcceleratorConfig, BlockInstance
from .table import accelerator_text, read_accelerator

__all__ = [
    "AcceleratorConfig",
    "BlockInstance",
    "accelerator_text",
    "block_name",
    "find_block",
    "list_blocks",
    "read_accelerator",
]
