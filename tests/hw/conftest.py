"""Fixtures of the hardware tests."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def collect() -> Iterator[None]:
    """Forget at once what a refused design did not reach: it was created, but never used."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
