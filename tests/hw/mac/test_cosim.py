"""Units under cocotb: they pass, and the bench can fail in every way that it names."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace

import pytest

from hw.export import ExportedDesign, export
from hw.mac import MacConfig
from sim.cosim import CosimProtocolError
from sim.mac import Stimulus, play, random_stimulus, verify_unit

SMALL = MacConfig(
    modes=("posit4", "int4"), accumulator="bounded", alignment=20, length=64, pipeline=1, bank=2
)


@pytest.fixture(scope="module")
def unit() -> ExportedDesign:
    return export(SMALL, "kiln_mac")


def test_results_and_cycles_are_those_of_the_models(unit: ExportedDesign) -> None:
    found = verify_unit(unit, SMALL, dots=5)
    assert found.passed
    assert [run.results for run in found.runs] == [10] * 4


def test_wrong_results_and_late_ones_are_counted(unit: ExportedDesign) -> None:
    stimulus = random_stimulus(SMALL, 3, seed=1)
    (word, mask), *others = stimulus.expected
    spoiled = Stimulus(stimulus.elements, [(word ^ mask, mask), *others])
    assert play(unit, spoiled)["wrong"] == [0]
    shorter = replace(SMALL, pipeline=0)
    assert shorter.latency < SMALL.latency
    found = verify_unit(unit, shorter, dots=2)
    assert not found.passed
    assert [run.late for run in found.runs] == [4, None, None, None]


Toy = namedtuple("Toy", "top verilog ports")
Port = namedtuple("Port", "name width")
TOY = Toy(
    "toy",
    """
module toy (
    input aclk, aresetn, s_axis_tvalid, s_axis_tlast, m_axis_tready, input [7:0] s_axis_tdata,
    output s_axis_tready, output reg m_axis_tvalid, output reg [7:0] m_axis_tdata);
  // Gives back what it gets; 1 it withdraws, 2 it changes, 3 it loses, 4 it gives for ever.
  assign s_axis_tready = !m_axis_tvalid;
  always @(posedge aclk)
    if (!aresetn) m_axis_tvalid <= 0;
    else if (!m_axis_tvalid) begin
      m_axis_tvalid <= s_axis_tvalid && s_axis_tdata != 3;
      m_axis_tdata <= s_axis_tdata;
    end else begin
      if (m_axis_tready ? m_axis_tdata != 4 : m_axis_tdata == 1) m_axis_tvalid <= 0;
      if (!m_axis_tready && m_axis_tdata == 2) m_axis_tdata <= 7;
    end
endmodule
""",
    [Port("m_axis_tdata", 8)],
)


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        (0, ""),
        (1, "changed or fell while it waited"),
        (2, "changed or fell while it waited"),
        (3, "nothing moved"),
        (4, "no dot product asked for"),
    ],
)
def test_broken_streams_are_named(word: int, fault: str) -> None:
    stimulus = Stimulus([(word, 1)] * 6, [(word, 0xFF)] * 6)
    if not fault:
        assert not play(TOY, stimulus, take=30)["wrong"]
        return
    with pytest.raises(CosimProtocolError, match=fault):
        play(TOY, stimulus, take=30)
