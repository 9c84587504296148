"""Formats and limits as the command line writes them."""

from __future__ import annotations

import pytest

from dse.precision import HARDWARE_FORMATS, parse_formats, parse_loss_limit
from hw.contracts import ConfigError
from hw.mac import MacConfig


@pytest.mark.parametrize(
    ("text", "value"),
    [("2%", 0.02), (" 0.02 ", 0.02), ("0.5 %", 0.005), ("150%", 1.5), ("1e-3", 0.001)],
)
def test_shares_are_read(text: str, value: float) -> None:
    assert parse_loss_limit(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("two", r"max_perplexity_loss='two' is no share; write 2% or 0\.02"),
        ("2%%", r"'2%%' is no share"),
        ("2%5", r"'2%5' is no share"),
        ("nan", r"'nan' is no share"),
        ("", r"'' is no share"),
        ("0%", r"leaves no room for any format; use more than 0"),
        ("-1%", r"leaves no room for any format"),
        ("2", r"would allow 3 times the perplexity; write 2% if .* or 200%"),
    ],
)
def test_what_is_no_share_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_loss_limit(text)


def test_all_is_what_the_units_compute_in() -> None:
    formats = parse_formats("all")
    assert formats == HARDWARE_FORMATS
    for name in formats:
        assert MacConfig(modes=(name,), accumulator="bounded").plan.modes


def test_names_are_read_once_by_their_own_name() -> None:
    assert parse_formats(" fp4, posit8,fp4_e2m1 ,int7") == ("fp4_e2m1", "posit8", "int7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "formats is empty"),
        (" , ", "formats is empty"),
        ("posit9", r"format 'posit9' is not known; did you mean 'posit"),
        ("int8,all", r"write all alone"),
        ("mx_int8", r"scales blocks, which no unit does; use 'int8'"),
        ("mx_nothing", r"format 'mx_nothing'"),
        ("posit32", r"format 'posit32'"),
        ("fp32", r"format 'fp32'"),
    ],
)
def test_what_no_unit_computes_in_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_formats(text)
