"""Inputs that cannot be used, as a table: what is typed, and what the refusal must say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

__all__ = ["FILES", "OPTIONS", "TARGETS", "Refused", "write_gemms"]

GEMMS = "m,k,n\n8,8,8\n"


@dataclass(frozen=True)
class Refused:
    """Arguments of `dse search`, and a pattern of the message: field, value, next step."""

    arguments: tuple[object, ...]
    message: str


def write_gemms(folder: Path) -> Path:
    """Write a workload that every target holds; return its path."""
    path = folder / "gemms.csv"
    path.write_text(GEMMS, encoding="utf-8")
    return path


def _options(*rows: tuple[str, object, str]) -> dict[str, Refused]:
    return {f"{name[2:]}={value}"[:40]: Refused((name, value), text) for name, value, text in rows}


OPTIONS = _options(
    ("--workload", "gpt-2", r"unknown model 'gpt-2'; did you mean 'gpt2'\?"),
    ("--workload", "nothing.json", r"nothing\.json: no such file; check the path"),
    ("--objective", "latencyy", r"objective='latencyy' is unknown; did you mean 'latency'\?"),
    ("--sampler", "tpa", r"sampler='tpa' is unknown; did you mean 'tpe'\?"),
    ("--target", "ecpix", r"unknown target 'ecpix'; did you mean 'ecpix5-85f'\?"),
    ("--target", "nothing.toml", r"nothing\.toml: No such file.*; give the path"),
    ("--fix", "rowz=8", r"unknown knob 'rowz'; did you mean 'rows'\?"),
    ("--fix", "a_depth=7", r"a_depth=\['7'\] is outside the space; choose from \(512"),
    ("--fix", "a_depth=--8", r"a_depth=\['--8'\] is outside the space; choose from"),
    ("--fix", "a_depth=512,512", r"a_depth=\(512, 512\) names a value twice; name each once"),
    ("--fix", "rows", r"--fix 'rows' is not KNOB=VALUE; write --fix rows=16"),
    ("--bits", 3, r"operand_bits=\['3'\] is outside the space; choose from"),
    ("--budget", 0, r"budget=0 .*; use 1 or more"),
    ("--budget", 10**12, r"budget=1000000000000 .*; use 100000 or fewer"),
    ("--budget", "many", r"'--budget'.*integer"),
    ("--jobs", 0, r"jobs=0 is outside 1 to \d+; use 1 or more"),
    ("--jobs", -2, r"jobs=-2 is outside 1 to \d+; use 1 or more"),
    ("--jobs", 10**6, r"jobs=1000000 is outside 1 to \d+; use \d+ or less"),
    ("--seed", -1, r"seed=-1 is outside 0 to \d+; use 0 or more"),
    ("--seeds", 0, r"seeds=0 is outside 1 to \d+; use 1 or more"),
    ("--seed", 1 << 70, r"seed=\d+ is outside 0 to \d+; use \d+ or less"),
    ("--max-perplexity-loss", "2%", r"says nothing without --formats; add --formats all"),
    ("--weights", "w.safetensors", r"--weights says nothing without --formats"),
    ("--objective", "perplexity", r"objective='perplexity' needs number formats"),
    ("--formats", "all", r"is a list of GEMMs, of which nobody knows"),
    ("--max-power", 0, r"max_power_mw=0\.0 allows nothing; use a positive number"),
    ("--max-power", -5, r"max_power_mw=-5\.0 allows nothing; use a positive number"),
    ("--max-power", "nan", r"max_power_mw=nan allows nothing; use a positive number"),
    ("--max-power", "inf", r"max_power_mw=inf is no limit; leave it out"),
    ("--max-power", 1e-6, r"no design .* meets the constraints.*; relax --max-power"),
    ("--max-latency", 0, r"max_latency_ms=0\.0 allows nothing; use a positive number"),
    ("--max-latency", 1e-9, r"no design .* meets the constraints.*relax .*--max-latency"),
    ("--name", "", r"name='' is no folder name; use"),
    ("--name", "..", r"name='\.\.' is no folder name; use"),
    ("--name", "../../home", r"name='\.\./\.\./home' is no folder name; use .*--runs"),
    ("--name", "n" * 300, r"name='n+' is no folder name; use up to 100"),
    ("--liberty", "mine.lib", r"liberty='mine\.lib' is for ASIC targets, .*; leave it out or use"),
    ("--prompt", 4, r"brings its own shapes; leave out prompt"),
    ("--trace", "nothing.csv", r"nothing\.csv: no such file; check the path"),
    ("--no-such-option", 1, r"No such option"),
)
"""One option each, beside a workload that fits."""

_GPT2 = {
    "prompt=0": Refused(("--prompt", 0), r"prompt=0 is not .* 1 to \d+; use prompt=1 or more"),
    "prompt=-3": Refused(("--prompt", -3), r"prompt=-3 is not .*; use prompt=1 or more"),
    "prompt=10**9": Refused(("--prompt", 10**9), r"prompt=1000000000 is not .* 1 to \d+; use"),
    "prompt=4000": Refused(("--prompt", 4000), r"more than the context of gpt2.*; shorten them"),
    "generate=0": Refused(("--generate", 0), r"generate=0 is not .*; use generate=1 or more"),
    "generate=-1": Refused(("--generate", -1), r"generate=-1 is not .*; use generate=1 or more"),
    "batch=0": Refused(("--batch", 0), r"batch=0 is not .*; use batch=1 or more"),
    "batch=10**7": Refused(("--batch", 10**7), r"batch=10000000 is not .*; use"),
    "batch=5000": Refused(("--batch", 5000), r"gpt2 does not fit .* KV cache .*; choose a small"),
    "formats=int8x": Refused(("--formats", "int8x"), r"format 'int8x' is not known; did you mean"),
    "formats=mx": Refused(("--formats", "mx_int8"), r"'mx_int8' scales blocks, which no unit does"),
    "formats=int12": Refused(("--formats", "int12"), r"formats=int12 are those of no engine"),
    "formats and bits": Refused(
        ("--formats", "all", "--bits", 8), r"--bits 8 and --formats all both choose"
    ),
    "loss=none": Refused(
        ("--formats", "all", "--max-perplexity-loss", "-2%"), r"='-2%' leaves no room .*as in 2%"
    ),
    "loss=nothing": Refused(
        ("--formats", "all", "--max-perplexity-loss", ""), r"='' is no share; write 2%"
    ),
    "loss=words": Refused(
        ("--formats", "all", "--max-perplexity-loss", "low"), r"='low' is no share; write 2%"
    ),
    "gpt2 in 32 MB": Refused(
        ("--target", "ulx3s-85f"),
        r"gpt2 does not fit ulx3s-85f: .*its memory holds 32\.0 MiB; use --target .*ecpix5-85f",
    ),
    "llama-2-70b in 512 MB": Refused(
        ("--workload", "llama-2-70b", "--target", "ecpix5-85f"),
        r"llama-2-70b does not fit ecpix5-85f: .*; (choose a smaller model|use --target)",
    ),
}
OPTIONS |= {
    name: Refused(("--workload", "gpt2", *r.arguments), r.message) for name, r in _GPT2.items()
}


def _config(**changed: object) -> str:
    import json

    config = {
        "model_type": "gpt2",
        "n_embd": 64,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 256,
        "vocab_size": 512,
    }
    merged = {**config, **changed}
    return json.dumps({key: value for key, value in merged.items() if value is not None})


FILES: dict[str, tuple[str, str | bytes, str]] = {
    "JSON cut off": ("w.json", '{"n_embd": 768,', r"w\.json, line 1, column 16: .*; correct"),
    "JSON list": ("w.json", "[1]", r"w\.json: holds no JSON object; give a model's config\.json"),
    "JSON without keys": ("w.json", "{}", r"key 'hidden_size' is missing; add it .*'n_embd'"),
    "JSON without heads": (
        "w.json",
        _config(n_head=None),
        r"'num_attention_heads' is missing; add",
    ),
    "JSON negative": ("w.json", _config(n_embd=-64), r"n_embd=-64 is not a positive integer; corr"),
    "JSON absurd": ("w.json", _config(n_embd=10**15), r"hidden=1\d+ is not .* to \d+; correct it"),
    "JSON type": ("w.json", _config(model_type=["x"]), r"model_type=\['x'\] is not supported.*use"),
    "JSON not UTF-8": ("w.json", b'{"\xff": 1}', r"w\.json: byte 2 is not UTF-8 text; save"),
    "CSV empty": ("w.csv", "", r"w\.csv: is empty; its first line must be m,k,n"),
    "CSV of semicolons": ("w.csv", "m;k;n\n8;8;8\n", r"w\.csv: .*separate them by commas: m,k,n"),
    "CSV header only": ("w.csv", "m,k,n\n", r"workload 'w' has no operators; give it at least"),
    "CSV short row": (
        "w.csv",
        "m,k,n\n1,2\n",
        r"w\.csv, line 2: 2 cells under 3 .*; add or remove",
    ),
    "CSV letters": ("w.csv", "m,k,n\n1,2,x\n", r"w\.csv, line 2: n='x' is not an integer; write"),
    "CSV zero": ("w.csv", "m,k,n\n0,2,2\n", r"w\.csv, line 2: m=0 is outside 1 to \d+; correct"),
    "CSV negative": ("w.csv", "m,k,n\n2,-2,2\n", r"line 2: k=-2 is outside 1 to \d+; correct it"),
    "CSV absurd": ("w.csv", "m,k,n\n99999999999,2,2\n", r"m=99999999999 is outside 1 to \d+; corr"),
    "CSV column": (
        "w.csv",
        "m,k,n,cuont\n1,1,1,1\n",
        r"unknown column 'cuont'; did you mean 'count'",
    ),
    "CSV missing column": ("w.csv", "m,k\n1,1\n", r"missing column n; the first line must name"),
    "CSV column twice": ("w.csv", "m,m,k,n\n1,1,1,1\n", r"column 'm' appears twice; keep one"),
    "CSV quote": ("w.csv", 'm,k,n\n"1,2,3\n', r"w\.csv, line 2: .*; correct the line"),
    "CSV not UTF-8": ("w.csv", b"m,k,n\n\xff,1,1\n", r"w\.csv: byte 6 is not UTF-8 text; save"),
    "TOML cut off": ("w.toml", "hidden = ", r"w\.toml: .*; correct the TOML"),
    "TOML key": (
        "w.toml",
        "hidden = 5\nhidde = 1\n",
        r"unknown key 'hidde'; did you mean 'hidden'",
    ),
    "ONNX nonsense": ("w.onnx", "nonsense", r"w\.onnx: is not an ONNX model; export it again"),
    "another kind": ("w.txt", "hello", r"w\.txt: unknown kind of workload; use a \.json"),
}
"""Workload files: name, content, message."""


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert re.search(old, text), f"the default target no longer holds {old!r}"
        return re.sub(old, new, text, count=1)

    return change


_CHANGES: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "unknown key": (
        _replace("(?m)^name", 'colour = "red"\nname'),
        r"unknown key 'colour'; known: ",
    ),
    "mistyped key": (_replace("max_mhz", "max_mzh"), r"clock: unknown key 'max_mzh'; did you mean"),
    "unknown resource": (_replace("lut =", "luts ="), r"budget: unknown key 'luts'; did you mean"),
    "missing section": (lambda text: text.split("[[memories]]")[0], r"'memories' is missing; add"),
    "text for a number": (
        _replace(r"max_mhz = \d+", 'max_mhz = "370"'),
        r"'370' is not a number; w",
    ),
    "number for a text": (
        _replace('family = "ecp5"', "family = 5"),
        r"family=5 is not a string; wr",
    ),
    "negative clock": (
        _replace("max_mhz = ", "max_mhz = -"),
        r"max_mhz=-\d+ makes no sense; use m",
    ),
    "no memory": (
        _replace(r"capacity_bytes = \d+", "capacity_bytes = 0"),
        r"capacity_bytes=0 makes",
    ),
    "infinite clock": (_replace(r"max_mhz = \d+", "max_mhz = inf"), r"max_mhz=inf makes no sense"),
    "reserve over budget": (
        _replace(r"lut = 10000", "lut = 1e9"),
        r"more than the budget.*; lower",
    ),
    "unknown family": (
        _replace('"ecp5"', '"ecp55"'),
        r"unknown family 'ecp55'; did you mean 'ecp5'",
    ),
    "broken TOML": (lambda text: text + "\n[[[", r"not TOML .*line \d+.*; mend that line"),
    "not UTF-8": (lambda text: b'name = "\xff"', r"not UTF-8 text; give a TOML file"),
    "empty": (lambda text: "", r"key 'name' is missing; add `name = \.\.\.`"),
}


def _target(change: Callable[[str], str | bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        text = (files("boards") / "targets" / "ecpix5-85f.toml").read_text("utf-8")
        changed, path = change(text), folder / "mine.toml"
        path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
        return path

    return write


TARGETS = {name: (_target(change), message) for name, (change, message) in _CHANGES.items()}
"""Target files: what writes one into a folder, and the message."""
