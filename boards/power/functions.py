"""Liberty's logic expressions as functions of bit vectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from hw.contracts import ConfigError

__all__ = ["compile_function", "translate_function"]

_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[!'&*|+^()])")


@lru_cache(maxsize=4096)
def compile_function(text: str, inputs: Sequence[str]) -> Callable[..., Any]:
    """Return the function in Liberty expression `text`, of one bit vector per input, in order.

    Vectors are NumPy arrays of unsigned integers (or Python integers); a constant function
    returns an integer, all zeros or all ones.

    Raises
    ------
    ConfigError
        Not an expression of these inputs.
    """
    body = translate_function(text, {name: f"v{i}" for i, name in enumerate(inputs)})
    arguments = ", ".join(f"v{i}" for i in range(len(inputs)))
    # The body holds nothing but operators, parentheses and the names v0, v1, ...
    function: Callable[..., Any] = eval(f"lambda {arguments}: {body}")
    return function


def translate_function(text: str, names: Mapping[str, str]) -> str:
    """Return the function in Liberty expression `text` with ``~ & ^ |``, as Python and C++ have it.

    Inputs are called as `names` says; constants are ``0`` and ``(~0)``.

    Raises
    ------
    ConfigError
        Not an expression of these inputs.
    """
    return _Parser(text, names).parse()


class _Parser:
    """Recursive descent: ``!x x'`` before ``^`` before ``& *`` and juxtaposition before ``| +``."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self.text, self.names = text, names
        self.tokens = [match.group(1) for match in _TOKEN.finditer(text)]
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise self._refused()
        self.at = 0

    def parse(self) -> str:
        body = self._or()
        if self.at != len(self.tokens):
            raise self._refused()
        return body

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self.at += 1
        return token

    def _or(self) -> str:
        body = self._and()
        while self._peek() in ("|", "+"):
            self._take()
            body = f"({body} | {self._and()})"
        return body

    def _and(self) -> str:
        body = self._xor()
        while (token := self._peek()) and token not in ("|", "+", ")", "^", "'"):
            if token in ("&", "*"):
                self._take()
            body = f"({body} & {self._xor()})"
        return body

    def _xor(self) -> str:
        body = self._unary()
        while self._peek() == "^":
            self._take()
            body = f"({body} ^ {self._unary()})"
        return body

    def _unary(self) -> str:
        token = self._take()
        if token == "!":
            body = f"(~{self._unary()})"
        elif token == "(":
            body = self._or()
            if self._take() != ")":
                raise self._refused()
        elif token in ("0", "1"):
            body = "0" if token == "0" else "(~0)"
        elif token in self.names:
            body = self.names[token]
        else:
            raise self._refused()
        while self._peek() == "'":
            self._take()
            body = f"(~{body})"
        return body

    def _refused(self) -> ConfigError:
        known = ", ".join(self.names)
        return ConfigError(
            f"function={self.text!r} is no logic expression of {known}; correct the cell library"
        )
