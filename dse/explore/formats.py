"""Searching over number formats: from names and a limit to measured plans, space and model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from boards.cache import Cache
from boards.target import Target
from dse.precision import (
    FormatPlan,
    Meter,
    format_sets,
    make_plans,
    measure_sensitivities,
    parse_formats,
)
from dse.precision.readings import STAND_IN
from dse.workloads import OperatorList, Trace, Workload
from hw.contracts import ConfigError, Knob, OperatorKind, SearchSpace
from hw.matrix import MIXED_SPACE, mixed_config
from hw.matrix.plan import DIM_LIMIT
from hw.numerics import find_format
from sim.quality.perplexity import QualityBench
from sim.system import require_fit
from surrogates.mixed import FITTED_BY, known_groups, mixed_group

from .format_model import FormatModel
from .limits import Limits
from .objectives import QUALITY, Objective, find_objectives, of_the_model_itself

__all__ = [
    "DEFAULT_LOSS",
    "FormatSearch",
    "check_space",
    "format_space",
    "known_sets",
    "modelled_workload",
    "prepare_formats",
    "quality_objectives",
    "restrict_space",
]

DEFAULT_LOSS = 0.02
"""Most perplexity over float64's, less one, where nobody says."""

_SIZES = ("layers", "hidden", "heads", "vocab")
"""What weights have to have in common with the workload that they are said to be of."""
_LEAST_LENGTH = 4096  # of dot products: what areas were fitted at


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSearch:
    """What is searched: plans within the limit, and what was left out.

    Members
    -------
    plans : tuple of FormatPlan
        One for each set of formats.
    left_out : dict of str to str
        Sets without a plan, and why.
    pipelines : tuple of int
        Depths of the elements' pipeline of which areas and clocks are known for all of them.
    limit : float
        The limit on quality.
    about : dict
        Model, text and tokens that quality was measured on.
    """

    plans: tuple[FormatPlan, ...]
    left_out: dict[str, str]
    pipelines: tuple[int, ...]
    limit: float
    about: Mapping[str, Any]

    def model(
        self, space: SearchSpace[Any], trace: Trace, target: Target, limits: Limits
    ) -> FormatModel:
        """Return the model of a space of these plans."""
        return FormatModel(space, self.plans, target, limits)

    @property
    def stands_in(self) -> bool:
        """Whether quality is that of another model than the workload's."""
        return self.plans[0].source == STAND_IN

    @property
    def entry(self) -> dict[str, Any]:
        """What ``run.json`` says of quality: assignments and what they were measured to lose."""
        return {
            "limit": self.limit,
            "source": self.plans[0].source,
            "measured_on": dict(self.about),
            "plans": {
                plan.formats: {
                    "assignment": plan.assignment,
                    "perplexity_increase": plan.reading.increase,
                    "perplexity_increase_error": plan.reading.increase_error,
                    "divergence_nats": plan.reading.divergence,
                    "stored_bytes": plan.stored_bytes,
                }
                for plan in self.plans
            },
            "left_out": self.left_out,
        }

    @property
    def notes(self) -> list[str]:
        """What a reader of the report has to know."""
        whose = (
            "the built-in small model's, a stand-in for this one"
            if self.stands_in
            else "measured on the weights and the text that were given"
        )
        notes = [
            f"quality is {whose}: perplexity over float64's, {self.about.get('tokens')} tokens, "
            f"limit {self.limit:.2%}",
            *(
                f"{plan.formats}: {plan.assignment}, perplexity {plan.reading.increase:+.2%} "
                f"({plan.source})"
                for plan in self.plans
            ),
        ]
        return notes + [f"left out, {name}: {why}" for name, why in self.left_out.items()]


def prepare_formats(
    workload: Workload,
    target: Target,
    formats: str,
    limit: float,
    *,
    weights: str | Path | None = None,
    text: str | Path | None = None,
    say: Callable[[str], None] = lambda message: None,
    meter: Meter | None = None,
) -> FormatSearch:
    """Measure what formats do to quality, and return the plans within the limit.

    `meter` is used where one is given; else one of `weights` and `text`, or of the small model.

    Raises
    ------
    ConfigError
        Unknown formats, sets that nothing is known about on the target, or nothing in the limit.
    """
    sets, pipelines, unknown = known_sets(formats, target)
    trace = workload.trace()
    require_fit(trace, target, _narrowest(sets))
    _length(trace)
    meter = meter or _meter(workload, weights, text, say)
    wanted = tuple(dict.fromkeys(name for each in sets for name in each.split("+")))
    sensitivities = measure_sensitivities(_small(say), wanted)
    plans, left_out = make_plans(workload, target, sets, limit, meter, sensitivities)
    return FormatSearch(
        plans=plans,
        left_out=left_out | unknown,
        pipelines=pipelines,
        limit=limit,
        about=dict(meter.bench.identity),
    )


def known_sets(
    formats: str, target: Target
) -> tuple[tuple[str, ...], tuple[int, ...], dict[str, str]]:
    """Return sets of these formats, pipelines that all of them are known at, and what is left out.

    Raises `ConfigError` where nothing is left.
    """
    sets = format_sets(parse_formats(formats))
    known = known_groups(target.family)
    depths = [int(pipeline) for pipeline in MIXED_SPACE.knobs["pipeline"].values]
    of = {name: {p for p in depths if mixed_group(name, p) in known} for name in sets}
    found = tuple(name for name in sets if of[name])
    if not found:
        raise ConfigError(
            f"nothing is known about engines of {', '.join(sets)} on {target.family}; measure some "
            f"with `{FITTED_BY} {' '.join(sets)} --family {target.family}`, or choose a target or "
            "formats that were measured, such as --target ecpix5-85f --formats int8,fp4"
        )
    unknown = f"nobody measured engines of it on {target.family}: `{FITTED_BY} SET`"
    left_out = {name: unknown for name in sets if name not in found}
    return found, tuple(p for p in depths if all(p in of[name] for name in found)), left_out


def _narrowest(sets: tuple[str, ...]) -> list[int]:
    """Return the widths at which a model is stored at best, by set."""
    return [min(find_format(name).container_bits for name in names.split("+")) for names in sets]


def restrict_space(
    sets: tuple[str, ...], pipelines: tuple[int, ...], length: int, fixed: Mapping[str, Any]
) -> SearchSpace[Any]:
    """Return the engines of these sets, some knobs held; `ConfigError` for values there are not."""
    if "operand_bits" in fixed:
        raise ConfigError(
            f"operand_bits={fixed['operand_bits']!r} is no knob of engines with formats, whose "
            "ports have 16 bits; leave it out"
        )
    knobs = dict(MIXED_SPACE.knobs)
    knobs["formats"] = Knob(sets)
    knobs["pipeline"] = Knob(pipelines, ordinal=True)
    return SearchSpace(partial(mixed_config, length=length), knobs).restrict(fixed)


def _small(say: Callable[[str], None]) -> Meter:
    return Meter.small(cache=Cache(), say=say)


def _meter(
    workload: Workload,
    weights: str | Path | None,
    text: str | Path | None,
    say: Callable[[str], None],
) -> Meter:
    if weights is None and text is None:
        return _small(say)
    if weights is None or text is None:
        raise ConfigError(
            "weights and text go together: the model that is measured, and what it is measured on; "
            "give both, or neither"
        )
    meter = Meter.of_files(Path(weights), Path(text), cache=Cache(), say=say)
    assert isinstance(meter.bench, QualityBench)
    own, asked = meter.bench.model, workload.model
    sizes = {name: (getattr(own, name), getattr(asked, name)) for name in _SIZES}
    if differing := {name: pair for name, pair in sizes.items() if pair[0] != pair[1]}:
        said = ", ".join(f"{name} {has} and {wants}" for name, (has, wants) in differing.items())
        raise ConfigError(
            f"weights={str(weights)!r} are not those of {asked.name} ({said}); give its own, or "
            "leave weights and text out: the built-in small model then stands in"
        )
    return meter


def format_space(search: FormatSearch, trace: Trace, fixed: Mapping[str, Any]) -> SearchSpace[Any]:
    """Return the engines of the plans whose accumulators hold the trace's dot products."""
    planned = tuple(plan.formats for plan in search.plans)
    held = dict(fixed)
    if "formats" in held:  # of those that were asked for, some may have no plan
        asked = held["formats"] if isinstance(held["formats"], tuple) else (held["formats"],)
        held["formats"] = tuple(name for name in asked if name in planned)
        if not held["formats"]:
            why = search.left_out.get(str(asked[0]), "it has no plan")
            raise ConfigError(f"formats={asked[0]!r} is left out: {why}")
    return restrict_space(planned, search.pipelines, _length(trace), held)


def _length(trace: Trace) -> int:
    """Return the products of dot products that accumulators have to hold."""
    longest = max(op.k for op in trace.operators if op.kind is OperatorKind.GEMM)
    length = max(_LEAST_LENGTH, 1 << (longest - 1).bit_length())
    if length >= DIM_LIMIT:
        raise ConfigError(f"a dot product of {longest} is longer than a job's; shorten the context")
    return length


def check_space(workload: Workload, target: Target, formats: str, fixed: Mapping[str, Any]) -> None:
    """Refuse knobs and formats that no search can have, before anything is measured."""
    sets, pipelines, _ = known_sets(formats, target)
    restrict_space(sets, pipelines, _length(workload.trace()), fixed)


def modelled_workload(given: Workload | OperatorList, block: str) -> Workload:
    """Return the workload if formats can be searched for it."""
    if block != "matrix":
        raise ConfigError(f"block={block!r} takes no formats; use block='matrix', or leave it out")
    if not isinstance(given, Workload):
        raise ConfigError(
            f"workload {given.name!r} is a list of GEMMs, of which nobody knows what they do to a "
            "model's quality; give a model, or leave formats out"
        )
    return given


def quality_objectives(names: Sequence[str], quality: FormatSearch | None) -> tuple[Objective, ...]:
    """Return the named objectives; quality needs formats, and is that of the model measured."""
    found = find_objectives(names)
    if quality is None and any(o.column in QUALITY for o in found):
        raise ConfigError("objective='perplexity' needs number formats; give formats='all'")
    if quality is not None and not quality.stands_in:
        return of_the_model_itself(found)
    return found
