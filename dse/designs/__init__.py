"""Design folders: a configuration with its Verilog, test bench and figures, ready to take away."""

from .config_file import config_text, read_config
from .folder import DesignFolder, write_design

__all__ = [
    "DesignFolder",
    "config_text",
    "read_config",
    "write_design",
]
