"""A workload: what is to be run, from a model in a scenario or from a plain list of operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hw.contracts import Operand, Operator, OperatorKind, Phase

from .counts import kv_elements_per_token, parameters
from .model import ModelSpec
from .operators import Pass, pass_operators, score_operators
from .scenario import Scenario
from .trace import Trace, merge

__all__ = ["OperatorList", "Workload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A model that serves a scenario.

    Parameters
    ----------
    model : ModelSpec
        The model.
    scenario : Scenario
        Its requests; every one must fit the model's context.
    source : str
        File that the model was read from; empty for a built-in one.
    """

    model: ModelSpec
    scenario: Scenario = field(default_factory=Scenario.fixed)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        self.scenario.check_context(self.model.name, self.model.context)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    def trace(self) -> Trace:
        """Return the operator records of all passes."""
        scenario, per_token = self.scenario, kv_elements_per_token(self.model)
        # The last token generated is never fed back, so that it has no place in the cache.
        cached = sum(r.weight * (r.tokens - 1) for r in scenario.classes)
        return Trace(
            name=self.name,
            operators=merge((*self._prefill(), *_by_name(self._decode()))),
            prefills=scenario.prefills,
            decode_steps=scenario.decode_steps,
            batch=scenario.batch,
            weights=parameters(self.model),
            kv_peak=per_token * scenario.batch * (scenario.longest - 1),
            kv_written=per_token * scenario.batch * cached,
        )

    def _prefill(self) -> list[Operator]:
        passes = (
            self._pass(Phase.PREFILL, request.prompt, request.prompt, request.weight)
            for request in self.scenario.classes
        )
        return _by_name(operator for run in passes for operator in pass_operators(run))

    def _decode(self) -> Iterator[Operator]:
        contexts = self.scenario.decode_contexts()
        if not contexts:
            return
        # What does not depend on the context is written once, for all steps together.
        every = self._pass(Phase.DECODE, 1, next(iter(contexts)), sum(contexts.values()))
        for operator in pass_operators(every):
            if not operator.context:
                yield operator
            elif operator.name == "qk":
                for context, runs in contexts.items():
                    yield from score_operators(self._pass(Phase.DECODE, 1, context, runs))

    def _pass(self, phase: Phase, tokens: int, context: int, runs: int) -> Pass:
        return Pass(
            model=self.model,
            phase=phase,
            tokens=tokens,
            batch=self.scenario.batch,
            context=context,
            runs=runs,
        )


def _by_name(operators: Iterator[Operator]) -> list[Operator]:
    """Return `operators` with those of one name together, names in order of first use."""
    groups: dict[str, list[Operator]] = {}
    for operator in operators:
        groups.setdefault(operator.name, []).append(operator)
    return [operator for group in groups.values() for operator in group]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorList:
    """A workload given as operators: one prefill pass and one decode step, either may be empty.

    Parameters
    ----------
    name : str
        What reports call it.
    operators : tuple of Operator
        Records of one pass of each phase.
    notes : tuple of str
        What the reader left out, for the user to know.
    source : str
        File that the operators were read from; empty where there was none.
    dims : mapping of str to int
        Sizes that were given for the file's free dimensions.
    """

    name: str
    operators: tuple[Operator, ...]
    notes: tuple[str, ...] = ()
    source: str = field(default="", compare=False)
    dims: Mapping[str, int] = field(default_factory=dict, compare=False)

    def trace(self) -> Trace:
        """Return the records; weight matrices of one name and shape are shared by both phases."""
        phases = {operator.phase for operator in self.operators}
        return Trace(
            name=self.name,
            operators=merge(self.operators),
            prefills=int(Phase.PREFILL in phases),
            decode_steps=int(Phase.DECODE in phases),
            weights=self._weights(),
            kv_peak=max(self._cached(phase) for phase in phases) if phases else 0,
        )

    def _cached(self, phase: Phase) -> int:
        """Return the KV-cache elements that one pass of `phase` reads, and so must find."""
        return sum(
            op.right_elements * op.count
            for op in self.operators
            if op.right is Operand.KV_CACHE and op.phase is phase
        )

    def _weights(self) -> int:
        copies = {phase: self._matrices(phase) for phase in Phase}
        union = copies[Phase.PREFILL] | copies[Phase.DECODE]  # the larger count of each matrix
        return sum(k * n * count for (_, k, n), count in union.items())

    def _matrices(self, phase: Phase) -> Counter[tuple[str, int, int]]:
        found: Counter[tuple[str, int, int]] = Counter()
        for op in self.operators:
            if op.phase is phase and op.kind is OperatorKind.GEMM and op.right is Operand.WEIGHT:
                found[op.name, op.k, op.n] += op.count
        return found
