"""The page on formats, and `dse quality`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dse.benchmark import quality_page
from dse.benchmark.quality_page import all_plans, format_plan, render_quality
from sim.quality.quantise import ALL_FORMATS
from sim.quality.table import Plan, Table
from tests.dse.cli.helpers import dse
from tests.sim.quality.reference import random_weights, write_model


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Return rows that nobody measured: losses grow with the row's number."""
    table = Table(tmp_path / "table.json")
    table.add(Plan(assignment="float64", tokens=4096), [128.0] * 64, 4096, 256)
    for index, plan in enumerate(all_plans()):
        losses = [64 * (2 + index / 1000)] * (plan.tokens // 64)
        table.add(plan, losses, plan.tokens, 256)
    return table


def test_every_format_and_accumulator_is_on_the_page(table: Table) -> None:
    page = render_quality(table)
    opening, formats, accumulators, *rest = page.split("\n## ")
    assert "missing" not in "".join([formats, accumulators, *rest])
    assert f"In float64: perplexity {np.exp(2):.3f}." in opening
    accumulators = accumulators.split("\n### ")[0]
    for name in ALL_FORMATS:
        assert f"\n| {name} |" in formats
        assert f"\n| {name} |" in accumulators
    assert f"| int2 | 2 | {np.exp(2):.3f} | 0 |" in formats
    assert f"| int3 | 3 | {np.exp(2.001):.3f} | +0.10% ± 0.00% |" in formats
    assert "| int16 | " in accumulators
    (int8,) = (line for line in accumulators.splitlines() if line.startswith("| int8 |"))
    assert int8.count("exact") == 3
    (bf16,) = (line for line in accumulators.splitlines() if line.startswith("| bf16 |"))
    assert bf16.count("±") == 3


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    page = render_quality(Table(tmp_path / "none.json"))
    assert page.count("missing") > len(all_plans())


def test_the_committed_page_is_that_of_the_committed_table() -> None:
    page = Path("docs/quality.md").read_text("utf-8")
    assert page == render_quality(Table())
    assert "missing" not in page.split("\n## ", 1)[1]


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    outcome = dse("bench", "quality", "--page", tmp_path)
    assert outcome.code == 2
    assert "is a folder; name a file in it" in " ".join(outcome.err.split())
    page = tmp_path / "page.md"
    assert dse("bench", "quality", "--page", page).out.strip() == str(page)
    assert page.read_text("utf-8").startswith("# Numerical quality")


def test_quality_prints_both_and_says_stand_in() -> None:
    outcome = dse("quality", "--formats", "int8,posit16", "--workload", "gpt2")
    assert outcome.code == 0
    assert "synthetic tensors shaped as gpt2's" in outcome.out
    assert "a stand-in for gpt2" in outcome.out
    twice = dse("quality", "--formats", "int8,posit16,int8", "--windows", "32,24,16,24", "--json")
    data = twice.data
    assert len(data["sqnr_db"]) == 2
    assert len(data["perplexity"]) == 2 * 4  # what is named twice is there once
    assert (data["model"], data["tensors"]) == ("stand-in", "synthetic")
    assert {row["format"] for row in data["sqnr_db"]} == {"int8", "posit16"}
    rows = {(row["format"], row["accumulator"]): row for row in data["perplexity"]}
    assert "perplexity" not in rows["int8", "16 bits"]  # as the quire
    kept = Table().find(format_plan("int8"))
    assert kept is not None
    assert rows["int8", "quire"]["perplexity"] == kept.perplexity
    assert rows["posit16", "16 bits"]["increase"] > rows["posit16", "quire"]["increase"]


def test_a_users_model_is_measured_not_looked_up(tmp_path: Path) -> None:
    weights = write_model(tmp_path, random_weights(), heads=4)
    text = tmp_path / "text.txt"
    text.write_text("that is the path of the moth. " * 5)
    options = ("--weights", weights, "--text", text, "--formats", "int8,bf16", "--json")
    mixtures = ("--assign", "int8,qk=fp4", "--assign", "bf16@16", "--assign", "int8")
    data = dse("quality", *options, "--windows", "16", *mixtures).data
    assert data["model"] == "measured"
    assert list(data["sqnr_db"][0]["worst"]) == ["file"]
    rows = [(row["format"], row["accumulator"], row.get("source")) for row in data["perplexity"]]
    assert rows == [
        ("int8", "quire", "measured"),
        ("int8", "16 bits", None),
        ("bf16", "quire", "measured"),
        ("bf16", "16 bits", "measured"),
        ("int8,qk=fp4_e2m1", "as assigned", "measured"),
        ("bf16@16", "16 bits", "measured"),
        ("int8", "quire", "measured"),
    ]
    assert [row["exact"] for row in data["perplexity"][-3:]] == [True, False, True]
    assert data["tensors"] == str(weights)
    assert all(row["tokens"] == 96 for row in data["perplexity"] if "tokens" in row)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--formats", "int9000"), "format 'int9000' is not known"),
        (("--formats", ","), "formats is empty; name some, or all"),
        (("--windows", "x"), "use bits by commas, as in 32,24"),
        (("--windows", "8"), "window=8 is out of range; use 12 to 40 bits"),
        (("--weights", "none.safetensors"), "--weights alone measures nothing; give --text"),
        (("--text", "none.txt"), "--text alone measures nothing; give --weights"),
        (("--tensors", "none.npz"), "none.npz is no file"),
        (("--assign", "int8,ffn_upp=int4"), "did you mean 'ffn_up'"),
        (("--assign", "int8,qk=int4,qk=int8"), "operator 'qk' is given twice"),
        (("--tokens", "0"), "tokens=0 measures nothing; use 1 or more"),
        (("--seed", "-1"), "seed=-1 draws nothing; use 0 or more"),
        (("--tokenizer", "folder"), "--tokenizer says nothing without --weights"),
    ],
)
def test_bad_options_are_refused(options: tuple[str, ...], words: str) -> None:
    outcome = dse("quality", "--formats", "int8", *options)
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())


def test_a_users_tensors_are_quantised(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, w=np.random.default_rng(0).normal(size=(16, 16)))
    data = dse("quality", "--tensors", path, "--formats", "int4,int8", "--json").data
    noise = [row["worst"]["file"] for row in data["sqnr_db"]]
    assert 10 < noise[0] < noise[1] - 20
    json.dumps(data)


def test_plans_are_listed_once() -> None:
    plans = all_plans()
    assert len({plan.key for plan in plans}) == len(plans)
    assert quality_page.COMMAND == "python -m bench.perplexity"
