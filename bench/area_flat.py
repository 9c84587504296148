"""Area as the sum over modules against flat synthesis, on twelve engines.

Run ``python -m bench.area_flat [target ...]`` (default ``ecpix5-85f`` and ``sky130``; minutes each,
then from the cache). The flip-flops that flat synthesis merges or removes are listed by name with
``--names``; after them the numbers of flip-flops must be equal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.limits import missed
from boards.flows import FlatComparison, compare_flat
from boards.target import Target, load_target
from boards.tools import require_tool
from dse.benchmark.pairs import Pair, PairTable, write_pairs
from hw.export import export
from hw.matrix import MatrixConfig

__all__ = ["DESIGNS", "main"]


LIMITS = {"lut": 0.01, "ff less those named": 0.0, "dsp": 0.0, "cell_area_um2": 0.02}
_LIMIT_S = 3600.0  # a 12x12 engine of gates on a busy machine


def _engine(rows: int, cols: int, text: str, **knobs: int) -> MatrixConfig:
    """Return an engine; `text` is ``dataflow multiplier bits``."""
    dataflow, multiplier, bits = text.split()
    return MatrixConfig(
        rows=rows,
        cols=cols,
        dataflow=dataflow,
        multiplier=multiplier,
        operand_bits=int(bits),
        accum_bits=40 if bits == "16" else 32,
        result_rows=2 * rows,
        **knobs,
    )


DESIGNS = (
    _engine(4, 4, "os dsp 8", pipeline=0),
    _engine(4, 4, "ws lut 8", pipeline=1),
    _engine(4, 8, "os lut 4", pipeline=1, a_depth=512),
    _engine(8, 4, "ws dsp 8", pipeline=2, banks=2),
    _engine(6, 6, "os dsp 16", pipeline=1),
    _engine(5, 7, "ws lut 4", pipeline=0),
    _engine(4, 6, "ws lut 16", pipeline=2),
    _engine(8, 8, "os dsp 8", pipeline=1, banks=2),
    _engine(8, 8, "ws dsp 8", pipeline=1, b_depth=512),
    _engine(8, 8, "os lut 8", pipeline=2),
    _engine(12, 12, "os dsp 8", pipeline=1),
    _engine(12, 12, "ws dsp 8", pipeline=0, banks=2),
)


def title(config: MatrixConfig) -> str:
    """Return an engine in one line."""
    return (
        f"{config.rows}x{config.cols} {config.dataflow} {config.multiplier} "
        f"{config.operand_bits} bit, pipeline {config.pipeline}, banks {config.banks}"
    )


def _names(target: Target) -> tuple[str, ...]:
    return ("cell_area_um2",) if target.family == "sky130" else ("lut", "ff", "dsp")


def _area(found: FlatComparison, target: Target) -> str:
    parts = []
    for name in _names(target):
        mine = found.hierarchical.value(f"engine_{name}_measured", 0)
        flat = found.flat.value(f"flat_{name}_measured", 0)
        parts.append(f"{name} {mine:.0f} / {flat:.0f} ({found.error(name):+.2%})")
    return ", ".join(parts)


def _pairs(config: MatrixConfig, target: Target, found: FlatComparison) -> Iterator[Pair]:
    """Yield both sides; flip-flops also less those that flat synthesis is known to lose."""
    about = {"target": target.name, "design": title(config)}
    for name in _names(target):
        mine = found.hierarchical.value(f"engine_{name}_measured", 0)
        flat = found.flat.value(f"flat_{name}_measured", 0)
        yield Pair(figure=name, said=mine, found=flat, **about)
        if name == "ff":
            kept = mine - len(found.lost)
            yield Pair(figure="ff less those named", said=kept, found=flat, **about)


def _keep(pairs: list[Pair]) -> None:
    version = require_tool("yosys").identity
    table = PairTable(
        title="Area: sum over modules against flat synthesis",
        said=f"measured by {version}, every module once, times its instances",
        found=f"measured by {version}, flattened before mapping",
        command="python -m bench.area_flat",
        note="Flip-flops that flat synthesis merges or removes are listed with `--names`.",
        pairs=pairs,
    )
    print(write_pairs("area_flat", table))


def main(arguments: list[str]) -> int:
    """Print one line for each engine, and the flip-flops behind the difference.

    Return 1 if a promise is missed. Without targets named, the pairs are kept for
    ``docs/calibration.md``.
    """
    named = [name for name in arguments if name != "--names"]
    pairs: list[Pair] = []
    for target in map(load_target, named or ["ecpix5-85f", "sky130"]):
        print(f"{target.name}: sum over modules / flat (error)")
        for config in DESIGNS:
            found = compare_flat(export(config), target, timeout_s=_LIMIT_S)
            pairs += _pairs(config, target, found)
            flops = f"; {len(found.lost)} lost, {len(found.unexplained)} unexplained"
            text = _area(found, target) + ("" if target.family == "sky130" else flops)
            print(f"  {title(config):44} {text}", flush=True)
            if "--names" in arguments:
                for flop in found.lost:
                    print(f"    {flop.name}: {flop.reason}")
                for cell in found.added:
                    print(f"    {cell}: flat only")
    if not named:
        _keep(pairs)
    measured = {pair.figure for pair in pairs}
    return missed(pairs, {name: limit for name, limit in LIMITS.items() if name in measured})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
