"""Pairs of figures against what is promised of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dse.benchmark.pairs import Pair

__all__ = ["missed"]


def missed(pairs: Sequence[Pair], limits: Mapping[str, float]) -> int:
    """Print the largest error of every figure against its limit; return 1 if one is beyond.

    Parameters
    ----------
    pairs : sequence of Pair
        At least one of every figure that has a limit.
    limits : mapping of str to float
        Largest relative error by figure; others are not judged.
    """
    failed = 0
    for figure, limit in limits.items():
        errors = [_error(pair) for pair in pairs if pair.figure == figure]
        worst = max(errors, key=abs, default=float("nan"))
        met = abs(worst) <= limit  # nothing measured is not met
        failed |= not met
        print(f"{'pass' if met else 'FAIL'}  {figure}: worst {worst:+.2%}, limit {limit:.1%}")
    return failed


def _error(pair: Pair) -> float:
    return pair.said / pair.found - 1 if pair.found else float(pair.said != 0)
