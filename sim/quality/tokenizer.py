"""GPT-2's byte-level byte-pair encoding, from the two files that every such model ships with."""

from __future__ import annotations

import functools
import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hw.contracts import ConfigError

__all__ = ["END_OF_TEXT", "Tokenizer", "learn_merges", "words"]

END_OF_TEXT = "<|endoftext|>"

_CONTRACTION = re.compile(r"'(?:s|t|re|ve|m|ll|d)")
_WORD = re.compile(r" ?L+| ?N+| ?O+|[ S]+(?![^ S])|[ S]+")  # on the kinds of characters
_MORE_SPACES = (0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_SPACES = frozenset(
    map(chr, (*range(9, 14), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), *_MORE_SPACES))
)


class Tokenizer:
    """Text to tokens and back.

    Parameters
    ----------
    vocabulary : mapping of str to int
        ``vocab.json``: tokens, in GPT-2's printable spelling of bytes, to their numbers.
    merges : sequence of pairs of str
        ``merges.txt``: which two tokens become one, the first most urgently.
    """

    def __init__(self, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> None:
        self.vocabulary = dict(vocabulary)
        self.merges = list(merges)
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._texts = {number: text for text, number in self.vocabulary.items()}
        self._encode_word = functools.lru_cache(maxsize=1 << 16)(self._merge)

    @classmethod
    def read(cls, folder: Path) -> Tokenizer:
        """Read ``vocab.json`` and ``merges.txt``; raise `ConfigError` if they are not there."""
        paths = folder / "vocab.json", folder / "merges.txt"
        for path in paths:
            if not path.is_file():
                raise ConfigError(
                    f"{path} is missing; put the tokenizer's vocab.json and merges.txt there"
                )
        try:
            vocabulary = json.loads(paths[0].read_text(encoding="utf-8"))
            lines = paths[1].read_text(encoding="utf-8").split("\n")
            merges = [_pair(line) for line in lines if line and not line.startswith("#version")]
            return cls({str(token): int(number) for token, number in vocabulary.items()}, merges)
        except (ValueError, AttributeError, TypeError) as error:
            raise ConfigError(
                f"{folder} holds no tokenizer that can be read ({error}); take vocab.json and "
                "merges.txt from the model again"
            ) from error

    def write(self, folder: Path) -> None:
        """Write ``vocab.json`` and ``merges.txt``."""
        text = json.dumps(self.vocabulary, ensure_ascii=False)
        (folder / "vocab.json").write_text(text + "\n", encoding="utf-8")
        lines = ["#version: 0.2", *(" ".join(pair) for pair in self.merges)]
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def encode(self, text: str) -> list[int]:
        """Return the numbers of the tokens of `text`."""
        return [token for word in words(text) for token in self._encode_word(word)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of `tokens`; what is no UTF-8 becomes U+FFFD."""
        spelled = "".join(self._texts[int(token)] for token in tokens)
        back = {text: byte for byte, text in _byte_texts().items()}
        whole = bytes(back[char] for char in spelled.replace(END_OF_TEXT, ""))
        return whole.decode("utf-8", errors="replace")

    def _merge(self, word: str) -> tuple[int, ...]:
        parts = list(spell(word))
        while len(parts) > 1:
            pairs = list(itertools.pairwise(parts))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            parts = _joined(parts, best)
        try:
            return tuple(self.vocabulary[part] for part in parts)
        except KeyError as error:
            raise ConfigError(
                f"token {error.args[0]!r} is not in vocab.json; merges.txt belongs to another model"
            ) from error


def words(text: str) -> Iterator[str]:
    r"""Yield the pieces that no token crosses, by GPT-2's pattern.

    It reads ``'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`` and is
    matched on the kinds of the characters, since Python's ``re`` has no ``\p``.
    """
    kinds = text.translate(_Kinds())
    at = 0
    while at < len(text):
        found = _CONTRACTION.match(text, at) or _WORD.match(kinds, at)
        assert found is not None  # every kind is in the pattern
        yield text[at : found.end()]
        at = found.end()


class _Kinds(dict[int, str]):
    """Letter, number, space or other, by code point; a blank stays itself."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char == " " or char in _SPACES:
            kind = " " if char == " " else "S"
        else:
            category = unicodedata.category(char)[0]
            kind = category if category in "LN" else "O"
        self[code] = kind
        return kind


@functools.cache
def _byte_texts() -> dict[int, str]:
    """Return GPT-2's printable character for each byte."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {
        byte: chr(256 + index) for index, byte in enumerate(hidden)
    }


def spell(word: str) -> str:
    """Return `word` with each of its bytes as one printable character."""
    texts = _byte_texts()
    return "".join(texts[byte] for byte in word.encode("utf-8"))


def _pair(line: str) -> tuple[str, str]:
    first, second = line.split(" ")
    return first, second


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Replace `pair`, from left to right, by one part."""
    result: list[str] = []
    at = 0
    while at < len(parts):
        both = tuple(parts[at : at + 2]) == pair
        result.append("".join(pair) if both else parts[at])
        at += 2 if both else 1
    return result


def learn_merges(text: str, count: int) -> Tokenizer:
    """Learn `count` merges from `text`: always the commonest pair, the first in order on ties."""
    found = Counter(words(text))
    spelled = {word: list(spell(word)) for word in found}
    pairs: Counter[tuple[str, str]] = Counter()
    for word, parts in spelled.items():
        _count(pairs, parts, found[word])
    merges: list[tuple[str, str]] = []
    for _ in range(count):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, parts in spelled.items():
            if best[0] in parts and len(joined := _joined(parts, best)) < len(parts):
                _count(pairs, parts, -found[word])
                _count(pairs, joined, found[word])
                spelled[word] = joined
    tokens = [*_byte_texts().values(), *map("".join, merges), END_OF_TEXT]
    return Tokenizer({token: number for number, token in enumerate(tokens)}, merges)


def _count(pairs: Counter[tuple[str, str]], parts: list[str], number: int) -> None:
    for pair in itertools.pairwise(parts):
        pairs[pair] += number
