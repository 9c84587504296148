"""The host executor: a stated rate for the operators that no block runs yet."""

from .config import HostConfig, HostJob

__all__ = ["HostConfig", "HostJob"]
