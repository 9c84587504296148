"""How far estimated clocks are off: the method used for UltraScale+, on ECP5 against nextpnr.

Run ``python -m bench.timing_method`` (minutes: four designs are routed). The mean and the worst go
into ``boards/timing/ecp5.toml``, from where every estimated clock quotes them.
"""

from __future__ import annotations

from boards.flows import routing, synthesis
from boards.netlist import read_netlist
from boards.target import load_target
from boards.timing.fabric import analyse_fabric
from hw.export import export
from hw.matrix import MatrixConfig

__all__ = ["DESIGNS", "main"]

DESIGNS = (
    MatrixConfig(rows=2, cols=2, dataflow="os", operand_bits=8, multiplier="dsp"),
    MatrixConfig(rows=2, cols=2, dataflow="ws", operand_bits=8, multiplier="dsp", pipeline=1),
    MatrixConfig(rows=2, cols=2, dataflow="os", operand_bits=4, multiplier="lut"),
    MatrixConfig(rows=2, cols=4, dataflow="os", operand_bits=8, multiplier="lut", pipeline=1),
)


def error(config: MatrixConfig) -> float:
    """Return the estimated clock over the routed one, less one."""
    target, design = load_target("ecpix5-85f"), export(config)
    netlist = read_netlist(synthesis(design, target).netlist, design.top)
    estimated = analyse_fabric(netlist, target.family).clock_mhz
    routed = routing(design, target).metrics.value("clock_mhz_measured")
    print(f"{config}: estimated {estimated:.0f} MHz, routed {routed:.0f} MHz")
    return estimated / routed - 1


def main() -> None:
    """Print the errors of all designs."""
    errors = [error(config) for config in DESIGNS]
    worst = max(errors, key=abs)
    print(f"mean {sum(errors) / len(errors):+.1%}, worst {worst:+.1%}")


if __name__ == "__main__":
    main()
