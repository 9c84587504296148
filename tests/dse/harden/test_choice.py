"""The choice: what trying everything finds, never worse than greedy, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from dse.harden import (
    Limits,
    NoProtectionError,
    Option,
    Structure,
    brute_force,
    choose,
    greedy,
)
from dse.harden.choice import meets
from hw.contracts import ConfigError

LIMITS = Limits(spfm=0.97, pmhf_fit=20.0, period_ns=10.0)


def instance(seed: int, count: int = 6) -> tuple[list[Structure], dict[str, float]]:
    """Return structures of two groups, some options of which share a part."""
    return transient(seed, count)


LASTING = Limits(spfm=0.97, pmhf_fit=25.0, lfm=0.9, period_ns=10.0)


def lasting(seed: int) -> tuple[list[Structure], dict[str, float]]:
    """Return an instance with permanent faults as well, some of them latent in checkers."""
    structures, shared = transient(seed, 5)
    rng = np.random.default_rng(1000 + seed)
    group = "flops and logic, permanent"
    found = []
    for s in structures:
        raw = float(rng.uniform(5, 20))
        options = []
        for o in s.options:
            left = raw * (0.3 if o.name == "none" else rng.uniform(0, 0.06))
            latent = 0.0 if o.name == "none" else raw * rng.uniform(0, 0.3)
            options.append(
                replace(
                    o,
                    raw_fit={**o.raw_fit, group: raw * 1.2},
                    residual_fit={**o.residual_fit, group: left},
                    latent_fit={group: latent},
                )
            )
        found.append(Structure(s.name, tuple(options)))
    return found, shared


def transient(seed: int, count: int) -> tuple[list[Structure], dict[str, float]]:
    rng = np.random.default_rng(seed)
    structures = []
    for at in range(count):
        group = "memories" if at % 3 == 2 else "flops and logic"
        raw = float(rng.uniform(5, 60))
        options = [Option(name="none", raw_fit={group: raw}, residual_fit={group: raw * 0.6})]
        for name in ("parity", "tmr", "lockstep")[: rng.integers(1, 4)]:
            added = float(rng.uniform(1, 30))
            share = float(rng.uniform(0, 0.05))
            options.append(
                Option(
                    name=name,
                    area_um2=added,
                    raw_fit={group: raw * 1.1},
                    residual_fit={group: raw * share},
                    period_ns=float(rng.choice([8.0, 11.0], p=[0.8, 0.2])),
                )
            )
        if at % 2:
            options.append(
                Option(
                    name="checksum", area_um2=0.5, raw_fit={group: raw},
                    residual_fit={group: raw * 0.001}, needs=("abft",),
                )
            )  # fmt: skip
        structures.append(Structure(f"s{at}", tuple(options)))
    return structures, {"abft": float(rng.uniform(5, 40))}


@pytest.mark.parametrize("seed", range(40))
def test_the_choice_is_what_trying_everything_finds(seed: int) -> None:
    structures, shared = instance(seed)
    best = brute_force(structures, LIMITS, shared)
    if best is None:
        with pytest.raises(NoProtectionError, match=r"no choice reaches|no option of"):
            choose(structures, LIMITS, shared)
        assert greedy(structures, LIMITS, shared) is None
        return
    found = choose(structures, LIMITS, shared)
    assert meets(found, structures, LIMITS)
    assert found.area_um2 == pytest.approx(best.area_um2)
    if (hasty := greedy(structures, LIMITS, shared)) is not None:
        assert meets(hasty, structures, LIMITS)
        assert found.area_um2 <= hasty.area_um2 + 1e-6


@pytest.mark.parametrize("seed", range(40))
def test_latent_and_permanent_faults_bind_the_choice_as_well(seed: int) -> None:
    structures, shared = lasting(seed)
    best = brute_force(structures, LASTING, shared)
    if best is None:
        with pytest.raises(NoProtectionError, match=r"LFM|no option of"):
            choose(structures, LASTING, shared)
        return
    found = choose(structures, LASTING, shared)
    assert meets(found, structures, LASTING)
    assert found.area_um2 == pytest.approx(best.area_um2)


def test_each_permanent_limit_costs_area_somewhere() -> None:
    dearer = {"latent": 0, "permanent": 0}
    for seed in range(40):
        structures, shared = lasting(seed)
        full = brute_force(structures, LASTING, shared)
        loose = brute_force(structures, replace(LASTING, lfm=0.0), shared)
        if full is None or loose is None:
            dearer["latent"] += loose is not None
            continue
        dearer["latent"] += full.area_um2 > loose.area_um2
        plain = [
            Structure(s.name, tuple(replace(o, raw_fit=_kept(o.raw_fit),
                      residual_fit=_kept(o.residual_fit), latent_fit={}) for o in s.options))
            for s in structures
        ]  # fmt: skip
        easy = brute_force(plain, LASTING, shared)
        assert easy is not None
        dearer["permanent"] += full.area_um2 > easy.area_um2
    assert min(dearer.values()) >= 3, dearer


def _kept(fit: Mapping[str, float]) -> dict[str, float]:
    return {group: value for group, value in fit.items() if "permanent" not in group}


def test_greedy_is_beaten_and_some_instances_have_no_choice() -> None:
    worse = missing = 0
    for seed in range(40):
        structures, shared = instance(seed)
        best, hasty = (f(structures, LIMITS, shared) for f in (brute_force, greedy))
        missing += best is None
        worse += bool(best and hasty and hasty.area_um2 > best.area_um2 + 1e-6)
    assert worse >= 5
    assert 1 <= missing <= 30


def test_many_structures_are_no_worse_than_greedy() -> None:
    structures, shared = instance(7, count=120)
    limits = Limits(spfm=0.97, pmhf_fit=200.0)
    hasty = greedy(structures, limits, shared)
    assert hasty is not None
    assert choose(structures, limits, shared).area_um2 < hasty.area_um2


def test_a_part_is_paid_once() -> None:
    group = "memories"
    options = (
        Option(name="none", raw_fit={group: 1.0}, residual_fit={group: 1.0}),
        Option(name="sum", raw_fit={group: 1.0}, residual_fit={group: 0.0}, needs=("abft",)),
        Option(name="tmr", area_um2=6.0, raw_fit={group: 1.0}, residual_fit={group: 0.0}),
    )
    two = [Structure(name, options) for name in "ab"]
    assert choose(two, Limits(), {"abft": 10.0}).area_um2 == 10.0
    assert choose(two[:1], Limits(), {"abft": 10.0}).area_um2 == 6.0


def test_refusals_say_what_is_missing() -> None:
    bad = [Structure("core", (Option(name="x", needs=("abft",)),))]
    with pytest.raises(ConfigError, match="core: option 'x' needs 'abft'"):
        choose(bad, Limits())
    with pytest.raises(ConfigError, match="'core' has no options"):
        choose([Structure("core", ())], Limits())
    late = [Structure("core", (Option(name="none", raw_fit={"g": 1.0}, period_ns=9.0),))]
    with pytest.raises(NoProtectionError, match="no option of core fits a period of 8 ns"):
        choose(late, Limits(period_ns=8.0))
