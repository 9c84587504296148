"""How a model is used: classes of requests with their lengths, and how many run together."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass

from hw.contracts import ConfigError

__all__ = ["RequestClass", "Scenario"]

_LONGEST = 1 << 27  # tokens; far above every published context


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClass:
    """Requests of equal lengths.

    Parameters
    ----------
    prompt, generate : int
        Tokens of the prompt, and tokens generated after it.
    weight : int
        How many passes of this class the scenario counts.
    """

    prompt: int
    generate: int
    weight: int = 1

    def __post_init__(self) -> None:
        for field in ("prompt", "generate", "weight"):
            value = getattr(self, field)
            if not isinstance(value, int) or not 1 <= value <= _LONGEST:
                raise ConfigError(
                    f"{field}={value!r} is not an integer from 1 to {_LONGEST}; "
                    f"use {field}=1 or more"
                )

    @property
    def tokens(self) -> int:
        """Tokens of the finished sequence."""
        return self.prompt + self.generate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A histogram of requests, served in batches of equals.

    A request of prompt P and G generated tokens takes one *prefill* pass over P tokens, which
    yields the first token, and G - 1 *decode* steps. Step i works on one new token per sequence at
    a context of P + i tokens, the new one included: contexts P + 1 to P + G - 1. The last token
    generated is never fed back.

    Parameters
    ----------
    classes : tuple of RequestClass
        The histogram; a weight counts passes, each serving `batch` equal sequences.
    batch : int
        Sequences that go through the model together.
    context_step : int
        Decode steps whose contexts lie in the same block of so many tokens are recorded at the
        block's mean context; 1 records every step exactly.
    source : str
        Where the classes come from, for reports.
    requests_per_second : float
        Mean arrival rate of the source; 0 where it has none.
    dropped : int
        Requests of the source left out because they were too long.
    """

    classes: tuple[RequestClass, ...]
    batch: int = 1
    context_step: int = 1
    source: str = ""
    requests_per_second: float = 0.0
    dropped: int = 0

    def __post_init__(self) -> None:
        if not self.classes:
            raise ConfigError("a scenario of no requests; give at least one prompt length")
        for field in ("batch", "context_step"):
            value = getattr(self, field)
            if not isinstance(value, int) or not 1 <= value <= 1 << 20:
                raise ConfigError(
                    f"{field}={value!r} is not an integer from 1 to {1 << 20}; "
                    f"use {field}=1 or more"
                )

    @classmethod
    def fixed(cls, prompt: int = 128, generate: int = 64, batch: int = 1) -> Scenario:
        """Return the scenario of one class of requests, every decode step exact."""
        request = RequestClass(prompt=prompt, generate=generate)
        source = f"prompt {prompt}, generate {generate}"
        return cls(classes=(request,), batch=batch, source=source)

    @property
    def prefills(self) -> int:
        """Prefill passes."""
        return sum(request.weight for request in self.classes)

    @property
    def decode_steps(self) -> int:
        """Decode steps, each of `batch` tokens."""
        return sum(request.weight * (request.generate - 1) for request in self.classes)

    @property
    def longest(self) -> int:
        """Tokens of the longest finished sequence."""
        return max(request.tokens for request in self.classes)

    def decode_contexts(self) -> dict[int, int]:
        """Return how many decode steps run at each context, in rising order of context."""
        exact: Counter[int] = Counter()
        for request in self.classes:
            for context in range(request.prompt + 1, request.tokens):
                exact[context] += request.weight
        if self.context_step == 1:
            return dict(sorted(exact.items()))
        return self._blocks(exact)

    def _blocks(self, exact: Counter[int]) -> dict[int, int]:
        steps: Counter[int] = Counter()
        tokens: Counter[int] = Counter()
        for context, runs in exact.items():
            block = (context - 1) // self.context_step
            steps[block] += runs
            tokens[block] += runs * context
        return {round(tokens[block] / steps[block]): steps[block] for block in sorted(steps)}

    def check_context(self, model: str, context: int) -> None:
        """Refuse sequences longer than the model's `context`."""
        if self.longest <= context:
            return
        long = sum(r.weight for r in self.classes if r.tokens > context)
        worst = max(self.classes, key=lambda r: r.tokens)
        raise ConfigError(
            f"prompt={worst.prompt} and generate={worst.generate} make {worst.tokens} tokens, more "
            f"than the context of {model}, {context} tokens ({long} of {self.prefills} requests "
            "are too long); shorten them, leave them out (--drop-longer, Scenario.within) or "
            "choose a model with a longer context"
        )

    def within(self, context: int) -> Scenario:
        """Return the scenario without requests longer than `context`; it says how many it lost."""
        kept = tuple(r for r in self.classes if r.tokens <= context)
        if not kept:
            raise ConfigError(
                f"no request fits a context of {context} tokens; choose a model with a longer one"
            )
        lost = self.prefills - sum(r.weight for r in kept)
        return dataclasses.replace(self, classes=kept, dropped=self.dropped + lost)
