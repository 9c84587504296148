"""`dse workload`: data on stdout, messages with next steps on stderr, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dse.cli import app

DATA = Path(__file__).parent / "data"


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["workload", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else " ".join(result.stderr.split())


def test_list_names_every_model() -> None:
    models = json.loads(run("list", "--json"))
    assert len(models) == 14
    assert models[0]["parameters"] == 124_439_808
    assert "124,439,808" in run("list")


def test_show_gpt2() -> None:
    text = run("show", "gpt2", "--prompt", "128", "--generate", "64")
    assert "contexts 129 to 191" in text
    assert "118.7 MiB of weights" in text


def test_show_as_json() -> None:
    found = json.loads(run("show", "gpt2", "--batch", "2", "--json"))
    assert (found["decode_steps"], found["batch"]) == (63, 2)
    assert found["totals"]["decode"]["weight_elements"] == 63 * 123_532_032
    qkv = next(op for op in found["operators"] if op["name"] == "qkv")
    assert (qkv["m"], qkv["k"], qkv["n"], qkv["count"]) == (256, 768, 2304, 12)


def test_show_a_request_log() -> None:
    log = str(DATA / "requests.csv")
    text = run("show", "gpt2", "--trace", log, "--bucket", "16")
    assert "requests.csv, buckets of 16" in text
    assert "2.00 requests/s" in text


def test_show_a_list_of_gemms() -> None:
    assert "144" in run("show", str(DATA / "block.csv"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gtp2"], "did you mean 'gpt2'"),
        (["gpt2", "--prompt", "0"], "use prompt=1 or more"),
        (["gpt2", "--prompt", "-8"], "use prompt=1 or more"),
        (["gpt2", "--generate", "9000000"], "more than the context of gpt2, 1024 tokens"),
        (["gpt2", "--batch", "0"], "use batch=1 or more"),
        (["gpt2", "--bits", "0"], "is not a width; use 1 to 64"),
        (["gpt2", "--trace", "nowhere.csv"], "no such file; check the path"),
        (["gpt2", "--bucket", "8"], "give one with --trace FILE"),
        (["gpt2", "--dim", "batch"], "write --dim sequence=128"),
        ([str(DATA / "block.csv"), "--prompt", "8"], "brings its own shapes"),
        ([str(DATA / "requests.csv")], "is a log of requests"),
    ],
)
def test_wrong_usage_ends_in_two_with_the_next_step(arguments: list[str], message: str) -> None:
    assert message in run("show", *arguments, code=2)


def test_longer_requests_are_left_out_on_demand(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    lines = ("2023-11-16 18:15:46,10,4", "2023-11-16 18:15:47,5000,4")
    log.write_text("\n".join(("TIMESTAMP,ContextTokens,GeneratedTokens", *lines)), "utf-8")
    assert "1 of 2 requests are too long" in run("show", "gpt2", "--trace", str(log), code=2)
    shown = run("show", "gpt2", "--trace", str(log), "--drop-longer")
    assert "1 longer requests left out" in shown


def test_the_command_imports_no_heavy_library() -> None:
    program = (
        "import sys, dse.cli.workload; "
        "print([m for m in ('pandas', 'optuna', 'torch', 'matplotlib', 'onnx', 'rich', 'numpy') "
        "if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.strip() == b"[]"
