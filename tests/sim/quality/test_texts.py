"""Tokenizer, files of tensors, and the small model as it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.quality.corpus import SMALL, read_split, split_corpus
from sim.quality.tensors import read_tensors, write_safetensors
from sim.quality.tokenizer import Tokenizer, learn_merges, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello world", ["Hello", " world"]),
        ("I'll say: don't", ["I", "'ll", " say", ":", " don", "'t"]),
        ("a  b\n\n c", ["a", " ", " b", "\n\n", " c"]),
        ("in 1901, 3²½!?", ["in", " 1901", ",", " 3²½", "!?"]),
        ("über «tis _x_\t ", ["über", " «", "tis", " _", "x", "_", "\t "]),
        ("日本 10€", ["日本", " 10", "€"]),
    ],
)
def test_words_are_those_of_gpt2(text: str, expected: list[str]) -> None:
    """Expected by hand from GPT-2's pattern."""
    assert list(words(text)) == expected


def test_merges_are_learned_by_hand() -> None:
    tokenizer = learn_merges("low low lower", 3)
    assert tokenizer.merges == [("l", "o"), ("lo", "w"), ("Ġ", "low")]
    assert len(tokenizer.vocabulary) == 256 + 3 + 1
    numbers = tokenizer.vocabulary
    assert tokenizer.encode("low lower") == [numbers[t] for t in ("low", "Ġlow", "e", "r")]


def test_any_text_comes_back() -> None:
    tokenizer = Tokenizer.read(SMALL)
    text = "And it came to pass, — “naïve” 日本\n\n  x\t\x00 \U0001f600"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.vocabulary) == 1024


def test_the_held_out_text_is_long_and_not_all_one_token() -> None:
    tokenizer = Tokenizer.read(SMALL)
    tokens = tokenizer.encode(read_split("test"))
    assert len(tokens) > 13_000
    assert len(set(tokens)) > 600


def test_splits_share_nothing_and_lose_nothing() -> None:
    text = "".join(f"Sentence {i} of the text.\n" for i in range(4000))
    splits = split_corpus(text)
    lines = {name: set(part.split("\n")) - {""} for name, part in splits.items()}
    assert sum(map(len, lines.values())) == 4000
    assert len(lines["train"]) > 3900
    assert 15 < len(lines["validation"]) < len(lines["test"]) < 45


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.json", "[]", "no tokenizer that can be read"),
        ("merges.txt", "a b c\n", "no tokenizer that can be read"),
        ("vocab.json", "{}", "belongs to another model"),
    ],
)
def test_damaged_tokenizers_are_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    Tokenizer.read(SMALL).write(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        Tokenizer.read(tmp_path).encode("a")


def test_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"vocab\.json is missing"):
        Tokenizer.read(tmp_path)


def test_tensors_survive_files(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    tensors = {
        "half": random.normal(size=(3, 5)).astype(np.float16),
        "double": random.normal(size=7),
        "small": np.arange(6, dtype=np.int8).reshape(1, 2, 3),
    }
    path = tmp_path / "x.safetensors"
    write_safetensors(path, tensors)
    found = read_tensors(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found[name], tensor)


def test_bfloat16_is_read_by_the_specification(tmp_path: Path) -> None:
    """A file written by hand: length, header, data."""
    header = {"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}, "__metadata__": {}}
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes([0x80, 0x3F, 0x40, 0xC0]))
    assert read_tensors(path)["x"].tolist() == [1.0, -3.0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.safetensors", b"\xff" * 8, "header claims"),
        ("x.npz", b"no zip", "cannot be read"),
        ("x.bin", b"", r"ends in '\.bin'"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_tensors(tmp_path / name)
    with pytest.raises(ConfigError, match="is no file"):
        read_tensors(tmp_path / "none.npz")
