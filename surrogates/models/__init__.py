"""Models that learn what designs take from designs that were measured."""

from .base import Model, mape
from .known import Additive
from .linear import Ridge

__all__ = ["Additive", "Model", "Ridge", "mape"]
