"""The shared memory model: bandwidth, latency, refresh, fairness, limits."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hw.contracts import ConfigError
from sim.memory import MemoryState, MemoryTiming


def drain(timing, word_bytes, words, row_bytes=0, rows=0):
    """Take every word as soon as it is offered, write rows when accepted; return the cycles."""
    state = MemoryState(timing, word_bytes, words)
    taken = [0, 0]
    while not (state.idle and not rows):
        offers = [state.offers(client) for client in (0, 1)]
        taken = [count + offer for count, offer in zip(taken, offers, strict=True)]
        writes = bool(rows) and state.accepts
        rows -= writes
        state.advance(offers, row_bytes if writes else 0)
    assert taken == list(words)
    return state.cycle


def timing(rate, **options):
    return MemoryTiming(bytes_per_cycle=Fraction(rate), **options)


@pytest.mark.parametrize("rate", [1, 7, 16, Fraction(13, 3)])
def test_long_transfer_gets_the_bandwidth(rate):
    cycles = drain(timing(rate, latency=5), (8, 8), (400, 300))
    assert cycles == pytest.approx(max(700 * 8 / rate, 400), rel=0.02, abs=8)


def test_latency_delays_the_first_word_only():
    assert drain(timing(8, latency=40), (8, 8), (300, 0)) == 300 + 40


def test_shallow_queue_limits_by_latency():
    cycles = drain(timing(8, latency=40, read_queue=10), (8, 8), (300, 0))
    assert cycles == pytest.approx(300 * 40 / 10, rel=0.05)


def test_refresh_takes_its_share():
    refreshed = timing(8, refresh_interval=100, refresh_cycles=10)
    assert refreshed.sustained_bytes_per_cycle == Fraction(72, 10)
    assert drain(refreshed, (8, 8), (900, 0)) == pytest.approx(1000, abs=12)


def test_reads_and_writes_share_fairly():
    state = MemoryState(timing(8), (8, 8), (1000, 1000))
    taken = [0, 0]
    for _ in range(300):
        offers = [state.offers(client) for client in (0, 1)]
        taken = [count + offer for count, offer in zip(taken, offers, strict=True)]
        state.advance(offers, 8 if state.accepts else 0)
    assert taken[0] == pytest.approx(100, abs=3)
    assert taken[1] == pytest.approx(100, abs=3)


def test_wide_rows_are_paid_for():
    assert drain(timing(4), (4, 4), (0, 0), row_bytes=128, rows=20) == pytest.approx(640, abs=32)


def test_idle_bandwidth_is_lost():
    state = MemoryState(timing(4), (8, 8), (0, 0))
    for _ in range(100):
        state.advance((False, False))
    for _ in range(4):
        state.advance((False, False), 8)
    assert not state.idle  # four rows of 8 bytes at 4 bytes per cycle, whatever was unused before


def test_clock_domains_are_converted():
    seen = MemoryTiming.at_clock(
        engine_mhz=150, memory_mhz=75, bytes_per_cycle=8, latency_ns=200, refresh_fraction=0.05
    )
    assert seen.bytes_per_cycle == 4
    assert seen.latency == 30
    assert float(seen.sustained_bytes_per_cycle) == pytest.approx(3.8, rel=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "moves nothing"),
        ({"rate": 8, "latency": 0}, "latency=0 is outside 1"),
        ({"rate": 8, "write_queue": 5000}, "write_queue=5000 is outside"),
        ({"rate": 8, "refresh_interval": 9, "refresh_cycles": 9}, "leaves nothing"),
    ],
)
def test_nonsense_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        timing(options.pop("rate"), **options)
