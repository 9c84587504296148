"""Synthetic run folders for tests of the report: plausible in shape, invented in every number."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

_PREFILL = {"qkv": (128, 768, 2304, 12), "qk": (128, 64, 128, 144), "mlp_up": (128, 768, 3072, 12)}
_HOSTED = ("softmax", "gelu", "layernorm")
_OBJECTIVES = [
    {"name": "latency", "column": "latency_ms", "label": "latency of the request (ms)"},
    {"name": "power", "column": "power_mw", "label": "power (mW)"},
    {"name": "area", "column": "area", "label": "area (LUT or um2)"},
]


def make_run(folder: Path, designs: int = 10, seed: int = 1) -> Path:
    """Write a run of `designs` trials; the last but one is refused and the last one failed."""
    rng = random.Random(seed)
    rows = [_row(number, rng) for number in range(designs)]
    for row, state in zip(rows[-2:], ("refused", "failed"), strict=True):
        row.update(state=state, reason=f"{state} by the factory; nothing to do")
    folder.mkdir(parents=True)
    _write_json(folder / "run.json", _info())
    _write_csv(folder / "designs.csv", rows)
    _write_csv(folder / "front.csv", _front([r for r in rows if r["state"] == "measured"]))
    _write_csv(folder / "model_front.csv", [_layer(rng) for _ in range(60)])
    for row in rows:
        _write_design(folder / "designs" / f"{row['design']:02d}", row, rng)
    return folder


def _info() -> dict[str, Any]:
    return {
        "schema": 1,
        "kiln": "0.1.0",
        "name": "gpt2",
        "command": "dse search --workload gpt2 --target ecpix5-85f --seed 0",
        "seed": 0,
        "sampler": "kiln",
        "budget": 10,
        "workload": {
            "name": "gpt2",
            "parameters": 124_439_808,
            "macs": 23_900_000_000,
            "scenario": "prompt 128, generate 64",
            "batch": 1,
        },
        "target": {
            "name": "ecpix5-85f",
            "title": "ECPIX-5 (Lattice ECP5-5G, LFE5UM5G-85F, speed grade 8)",
            "family": "ecp5",
            "memory": "512 MB ddr3, 0.574 GB/s",
            "reserve": {"lut": 10000, "ff": 7000, "dsp": 4, "bram": 28},
            "reserve_note": "DDR3 controller and PHY, DMA, host processor, boot ROM",
        },
        "objectives": _OBJECTIVES,
        "space": {"designs": 138240},
        "tools": {"yosys": "0.70", "nextpnr-ecp5": "0.11.1", "verilator": "5.048"},
        "notes": ["Operands are 8 bits wide: quality is not modelled, so width is your choice."],
    }


def _row(number: int, rng: random.Random) -> dict[str, Any]:
    rows, cols = rng.choice([4, 8, 16, 32]), rng.choice([4, 8, 16])
    lut, clock = 220 * rows * cols**0.8 + 900, 92 - 0.6 * rows + rng.uniform(-5, 5)
    latency = 9000 + 4.2e6 / (rows * cols * clock / 60)
    power = 180 + 0.006 * lut + rng.uniform(0, 20)
    true = {
        "engine_lut": round(lut * rng.uniform(0.9, 1.1)),
        "engine_dsp": rows * cols // 2,
        "clock_mhz": clock * rng.uniform(0.9, 1.1),
        "latency_ms": latency * rng.uniform(0.95, 1.05),
        "power_mw": power * rng.uniform(0.9, 1.1),
    }
    return {
        "design": number,
        "state": "measured",
        "rows": rows,
        "cols": cols,
        "dataflow": rng.choice(["os", "ws"]),
        "multiplier": "dsp" if rows * cols <= 156 else "lut",
        "operand_bits": 8,
        "engine_lut_measured": true["engine_lut"],
        "engine_dsp_measured": true["engine_dsp"],
        "clock_mhz_measured": true["clock_mhz"],
        "latency_ms_modelled": true["latency_ms"],
        "ttft_ms_modelled": true["latency_ms"] * 0.3,
        "power_mw_estimated": true["power_mw"],
        "area_measured": true["engine_lut"],
        "total_lut_incl_reserve": true["engine_lut"] + 10000,
        "engine_lut_predicted": lut,
        "engine_dsp_predicted": rows * cols // 2,
        "clock_mhz_predicted": clock,
        "latency_ms_predicted": latency,
        "power_mw_predicted": power,
        "reason": "",
    }


def _front(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    axes = ("latency_ms_modelled", "power_mw_estimated", "area_measured")

    def beaten(row: dict[str, Any]) -> bool:
        return any(other is not row and all(other[a] <= row[a] for a in axes) for other in rows)

    return [row for row in rows if not beaten(row)]


def _layer(rng: random.Random) -> dict[str, Any]:
    row = _row(0, rng)
    return {
        "layer": rng.choice([1, 2]),
        **{name: row[name] for name in ("rows", "cols", "dataflow", "multiplier")},
        "latency_ms_predicted": row["latency_ms_predicted"],
        "power_mw_predicted": row["power_mw_predicted"],
        "area_predicted": row["engine_lut_predicted"],
    }


def _write_design(folder: Path, row: dict[str, Any], rng: random.Random) -> None:
    folder.mkdir(parents=True)
    figures = {name: _figure(name, value) for name, value in row.items() if "_" in name}
    _write_json(folder / "metrics.json", {k: v for k, v in figures.items() if v})
    if row["state"] == "measured":
        _write_json(folder / "trace.json", _trace(row, rng))


def _figure(name: str, value: Any) -> dict[str, Any] | None:
    tools = {
        "measured": ("yosys", "0.70"),
        "modelled": ("kiln", "0.1.0"),
        "estimated": ("kiln", ""),
    }
    fidelity = name.rsplit("_", 1)[-1]
    fidelity = "reserved" if fidelity == "reserve" else fidelity
    if fidelity not in (*tools, "predicted", "reserved"):
        return None
    tool, version = tools.get(fidelity, ("kiln", "0.1.0"))
    return {
        "value": value,
        "unit": "LUT" if name.startswith("area") else "",
        "fidelity": fidelity,
        "tool": tool,
        "version": version,
        "seed": 1,
        "conditions": "um5g-85k CABGA554 speed 8, out-of-context, 150 MHz requested",
        "inputs": "5f2c9a1b" * 8,
    }


def _trace(row: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    lanes = row["rows"] * row["cols"]
    operators = []
    for name, (m, k, n, count) in _PREFILL.items():
        operators.append(_gemm(name, "prefill", m, k, n, count, lanes, rng))
        operators.append(_gemm(name, "decode", 1, k, n, count * 63, lanes, rng))
    operators += [_hosted(name, phase, rng) for name in _HOSTED for phase in ("prefill", "decode")]
    return {
        "clock_mhz": row["clock_mhz_measured"],
        "peak_macs_per_cycle": lanes,
        "memory_bytes_per_s": 5.74e8,
        "ttft_ms": row["ttft_ms_modelled"],
        "tpot_ms": 40.0,
        "operators": operators,
    }


def _gemm(
    name: str, phase: str, m: int, k: int, n: int, count: int, lanes: int, rng: random.Random
) -> dict[str, Any]:
    macs = m * k * n * count
    moved = (m * k + k * n + m * n) * count
    causes = {
        "compute": macs / lanes / 80e3,
        "memory": moved / 5.74e5 * (0.9 if phase == "decode" else 0.1),
        "fill": macs / lanes / 80e3 * rng.uniform(0.02, 0.1),
        "edge": macs / lanes / 80e3 * rng.uniform(0, 0.2),
    }
    return {
        "name": name,
        "kind": "gemm",
        "phase": phase,
        "m": m,
        "k": k,
        "n": n,
        "count": count,
        "block": "matrix",
        "ms": sum(causes.values()),
        "bottleneck": max(causes, key=lambda cause: causes[cause]),
        "causes_ms": causes,
        "macs": macs,
        "bytes": moved,
    }


def _hosted(name: str, phase: str, rng: random.Random) -> dict[str, Any]:
    ms = rng.uniform(50, 900)
    return {
        "name": name,
        "kind": name,
        "phase": phase,
        "m": 128,
        "k": 1,
        "n": 768,
        "count": 12,
        "block": "host",
        "ms": ms,
        "bottleneck": "host",
        "causes_ms": {"host": ms},
        "macs": 0,
        "bytes": 98304,
    }


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=2), encoding="utf-8")


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
