"""One frozen configuration that composes blocks; and the registry in which blocks plug in."""

from .blocks import block_name, find_block, list_blocks
from .config import AcceleratorConfig, BlockInstance
from .table import accelerator_text, make_config, read_accelerator, toml_value

__all__ = [
    "AcceleratorConfig",
    "BlockInstance",
    "accelerator_text",
    "block_name",
    "find_block",
    "list_blocks",
    "make_config",
    "read_accelerator",
    "toml_value",
]
