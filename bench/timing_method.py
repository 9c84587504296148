"""How far estimated clocks are off: the method used for UltraScale+, on ECP5 against nextpnr.

Run ``python -m bench.timing_method``. The designs are those of ``dse/benchmark/subspace.csv``, each
synthesised and routed: two buffer depths of every shape, dataflow, multiplier and pipeline in it.
Synthesis comes from the cache where that is warm, the routed clock from the table. With
``--write``, the errors go into ``boards/timing/method.json``, from where every estimated clock
quotes them.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import boards.timing
from boards.flows import synthesis
from boards.netlist import read_netlist
from boards.target import load_target
from boards.timing.fabric import analyse_fabric
from boards.tools import require_tool
from dse.benchmark.subspace import SUBSPACE, TARGET, read_table
from hw.contracts import write_atomic
from hw.export import export

__all__ = ["DEPTHS", "errors", "main"]

DEPTHS = (256, 4096)
RESULT = Path(boards.timing.__file__).with_name("method.json")


def errors() -> Iterator[dict[str, object]]:
    """Yield every design with its routed and estimated clock and the error, a ratio less one."""
    target = load_target(TARGET)
    for index, row in sorted(read_table().items()):
        point = SUBSPACE.point(index)
        if point["a_depth"] not in DEPTHS:
            continue
        design = export(SUBSPACE.decode(point))
        if design.digest[:16] != row["digest"]:
            raise SystemExit(
                f"design {index} of the table was routed from other Verilog; "
                "run python -m dse.benchmark.subspace"
            )
        netlist = read_netlist(synthesis(design, target).netlist, design.top)
        estimated = analyse_fabric(netlist, target.family).clock_mhz
        routed = float(row["clock_mhz"])
        yield {
            "design": " ".join(f"{key}={value}" for key, value in point.items()),
            "routed_mhz": round(routed, 1),
            "estimated_mhz": round(estimated, 1),
            "error": round(estimated / routed - 1, 4),
        }


def main(arguments: list[str]) -> None:
    """Print the errors of all designs, with their signs; positive is too fast."""
    rows = []
    for row in errors():
        rows.append(row)
        print(
            f"{row['design']}: routed {row['routed_mhz']} MHz, "
            f"estimated {row['estimated_mhz']} MHz ({float(str(row['error'])):+.1%})",
            flush=True,
        )
    found = [float(str(row["error"])) for row in rows]
    summary = {
        "command": "python -m bench.timing_method --write",
        "router": require_tool("nextpnr-ecp5").identity,
        "target": TARGET,
        "designs": len(found),
        "mean": round(statistics.mean(found), 4),
        "spread": round(statistics.stdev(found), 4),
        "lowest": min(found),
        "highest": max(found),
    }
    print(
        f"{summary['designs']} designs: mean {summary['mean']:+.1%}, "
        f"spread {summary['spread']:.1%} (one sigma), "
        f"{summary['lowest']:+.1%} to {summary['highest']:+.1%}"
    )
    if "--write" in arguments:
        write_atomic(RESULT, json.dumps({**summary, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
