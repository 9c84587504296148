"""A small dataset whose figures follow a rule, for tests of tables, splits and models."""

from __future__ import annotations

from pathlib import Path

from hw.export import export
from hw.matrix import MatrixConfig
from surrogates.data import DatasetFolder, Measurement, module_name, record_design
from surrogates.data.table import Table, read_table
from surrogates.graphs import SUMMARY, design_graph, summaries

__all__ = ["SIZES", "make_table", "own_lut"]

SIZES = ((2, 2), (2, 4), (4, 2), (4, 4), (3, 3), (5, 2), (6, 4), (8, 8), (12, 4), (16, 8))


def own_lut(module) -> float:
    """Return what a module is said to take: a sum over what it is made of."""
    found = dict(zip(SUMMARY, summaries(module), strict=True))
    return found["add_bits"] + 2 * found["mux_bits"] + 0.5 * found["multiply_work"] + 1


def make_table(folder: Path, sizes=SIZES) -> Table:
    """Return the table of arrays of some sizes, by the rule; graphs are those of the engines."""
    data = DatasetFolder(folder)
    for rows, cols in sizes:
        knobs = {"rows": rows, "cols": cols}
        design = export(MatrixConfig(**knobs), "kiln")
        record, graph = record_design("matrix", knobs, design), design_graph(design)
        data.add(record, graph.modules.values())
        modules = {
            module_name(name, "kiln"): {"lut": own_lut(module), "count": graph.counts[name]}
            for name, module in graph.modules.items()
        }
        total = sum(row["lut"] * row["count"] for row in modules.values())
        data.put(
            Measurement(
                design=record.digest,
                kind="area",
                target="ecpix5-85f",
                family="ecp5",
                figures={"engine_lut_measured": total},
                modules=modules,
            )
        )
    return read_table(data, "ecp5")
