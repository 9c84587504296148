"""Compiling what all simulators share, before the first one is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .model import compile_model

__all__ = ["warm_up"]


class _Port(NamedTuple):
    name: str
    width: int


_PORTS = tuple(
    _Port(f"{stream}_tdata", 8) for stream in ("s_axis_cmd", "s_axis_a", "s_axis_b", "m_axis")
)
_INPUT = """
    input wire [7:0] s_axis_{0}_tdata, input wire s_axis_{0}_tvalid,
    output wire s_axis_{0}_tready,"""
_TEXT = f"""// Streams that do nothing.
module kiln_idle (
    input wire aclk, input wire aresetn,{"".join(map(_INPUT.format, ("cmd", "a", "b")))}
    output wire [7:0] m_axis_tdata, output wire m_axis_tkeep, output wire m_axis_tlast,
    output wire m_axis_tvalid, input wire m_axis_tready
);
  assign s_axis_cmd_tready = 0, s_axis_a_tready = 0, s_axis_b_tready = 0;
  assign m_axis_tdata = 0, m_axis_tkeep = 0, m_axis_tlast = 0, m_axis_tvalid = 0;
endmodule
"""


@dataclass(frozen=True, slots=True)
class _Idle:
    top: str = "kiln_idle"
    verilog: str = _TEXT
    ports: tuple[_Port, ...] = _PORTS


def warm_up() -> bool:
    """Compile Verilator's run-time library into the cache; return whether it was there already.

    It takes about half a minute, once per installation of Verilator and C++ compiler, which the
    first simulation would otherwise take longer.
    """
    models = [compile_model(_Idle(), variant=variant) for variant in ("plain", "coverage")]
    return all(model.cached for model in models)
