"""Campaigns that cannot be run: what is wrong in a small design, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = ["BAD", "GOOD", "Bad"]

GOOD: Final = {
    "core.v": """module core(
  input clk, input rst, input [3:0] d, output reg [3:0] q, output reg done);
  reg [3:0] count;
  always @(posedge clk)
    if (rst) begin q <= 0; count <= 0; done <= 0; end
    else begin q <= q ^ d; count <= count + 1; done <= count == 9; end
endmodule
""",
    "stim.py": """def stimulus():
    for cycle in range(20):
        yield {"rst": int(cycle < 2), "d": cycle % 16}
""",
}


@dataclass(frozen=True)
class Bad:
    """One thing that is wrong.

    Members
    -------
    files : dict of str to str
        Files of `GOOD` that are other, and further ones.
    options : tuple of str
        In place of the good command's, or beside them.
    said : str
        Part of the message.
    """

    said: str
    files: dict[str, str] = field(default_factory=dict)
    options: dict[str, str | None] = field(default_factory=dict)


_PORTS = "input clk, input rst, input [3:0] d, output reg [3:0] q"


def _core(body: str, ports: str = _PORTS) -> dict[str, str]:
    return {"core.v": f"module core({ports});\n{body}\nendmodule\n"}


def _stim(body: str) -> dict[str, str]:
    return {"stim.py": f"def stimulus():\n    {body}\n"}


def _observed(text: str, **more: str) -> Bad:
    return Bad(more.pop("said"), {"core.toml": text}, {"--observe": "core.toml"})


_DUMP = """$scope module tb $end
$var wire 1 ! clk $end
$var wire 1 " rst $end
$upscope $end
$enddefinitions $end
"""
_COUNT = "always @(posedge clk) if (rst) q <= 0; else q <= q + d;"

BAD: Final[dict[str, Bad]] = {
    "missing module": Bad("core.v:2: unknown module 'adder'", _core("adder u(.a(d));\n" + _COUNT)),
    "misspelt top": Bad("no module 'cor' in core.v; did you mean 'core'?", {}, {"--top": "cor"}),
    "missing file": Bad("nowhere.v is missing", {}, {"--verilog": "nowhere.v"}),
    "empty file": Bad("core.v is empty", {"core.v": "\n"}),
    "syntax error": Bad("core.v:2: expected", _core("always @(posedge clk q <= d;")),
    "undeclared name": Bad(
        "core.v:2: use of undeclared identifier 'x'", _core("always @(posedge clk) q <= x;")
    ),
    "missing include": Bad(
        "core.v:1: 'defs.vh': No such file",
        {"core.v": '`include "defs.vh"\nmodule core; endmodule\n'},
    ),
    "missing memory file": Bad(
        "core.v:3: table.hex is neither in the working folder nor beside the source",
        _core(
            'reg [3:0] t [0:15];\ninitial $readmemh("table.hex", t);\n'
            "always @(posedge clk) q <= t[d];"
        ),
    ),
    "no clock": Bad(
        "core: no clock found", _core("assign q = ~d;", "input [3:0] d, output [3:0] q")
    ),
    "gated clock": Bad(
        "core.v:3: q has no clock from an input port",
        _core("wire g = clk & ~rst;\nalways @(posedge g) q <= d;"),
    ),
    "two clocks": Bad(
        "2 clocks: 'clk' of p (core.v:3); 'rst' of q (core.v:4)",
        _core("reg [3:0] p;\nalways @(posedge clk) p <= d;\nalways @(posedge rst) q <= p;"),
    ),
    "falling edge": Bad(
        "core.v:2: q: a flip-flop on the falling edge", _core("always @(negedge clk) q <= d;")
    ),
    "latch": Bad(
        "a latch is not supported; assign it in every branch", _core("always @* if (rst) q = d;")
    ),
    "combinational loop": Bad(
        "core.v:4: a combinational loop, through core.v:4, core.v:5",
        _core(
            _COUNT + "\nwire a, b;\nassign a = ~b ^ q[0];\nassign b = a | d[1];\nassign y = a;",
            _PORTS + ", output y",
        ),
    ),
    "tristate": Bad(
        "core.v:3: ", _core(_COUNT + "\nassign y = rst ? q[0] : 1'bz;", _PORTS + ", output y")
    ),
    "inout": Bad("core.v:1: bus: an inout port", _core(_COUNT, _PORTS + ", inout bus")),
    "asynchronous load": Bad(
        "core.v:2: q: an asynchronous load of a value that is no constant",
        _core("always @(posedge clk or posedge rst) if (rst) q <= d; else q <= q + 1;"),
    ),
    "X at outputs": Bad(
        "core.v:2: output 'q' is X in cycle 2 (bits 0xf)",
        _core("always @(posedge clk) q <= q + d;"),
    ),
    "no stimulus": Bad("--stimulus is missing", {}, {"--stimulus": None}),
    "no function": Bad("stim.py: there is no function 'stimulus'", {"stim.py": "x = 1\n"}),
    "failing stimulus": Bad("stim.py:2: ZeroDivisionError", _stim("yield {'d': 1 // 0}")),
    "not Python": Bad("stim.py:1: SyntaxError", {"stim.py": "def stimulus(:\n"}),
    "wrong width": Bad("stim.py, cycle 0: d=16 does not fit its 4 bits", _stim("yield {'d': 16}")),
    "wrong input": Bad(
        "stim.py, cycle 0: 'rts' is no input of core; did you mean 'rst'?",
        _stim("yield {'rts': 1}"),
    ),
    "the clock as an input": Bad("'clk' is the clock", _stim("yield {'clk': 1}")),
    "no dictionary": Bad("stim.py: cycle 0 yields 3", _stim("yield 3")),
    "stimulus without cycles": Bad("stim.py has no cycles", _stim("yield from ()")),
    "never out of reset": Bad(
        "the stimulus resets core in each of its 4 cycles by rst (active high)",
        _stim("yield from [{'rst': 1}] * 4"),
    ),
    "time-out never reached": _observed(
        "timeout = 50\n", said="timeout = 50 is never reached: stim.py ends after 20 cycles"
    ),
    "done never comes": _observed(
        "timeout = 8\ndone = 'done'\n",
        said="'done' is 1 in none of the 8 cycles before the time-out",
    ),
    "stimulus without end": _observed(
        "timeout = 10\n", said="stim.py has not ended after 10 cycles"
    ),
    "unknown key": _observed(
        "windows = [1, 2]\n", said="core.toml: unknown key 'windows'; did you mean 'window'?"
    ),
    "not TOML": _observed("window = [1,\n", said="core.toml is not TOML"),
    "wrong value": _observed(
        "timeout = 'long'\n", said="core.toml: timeout = 'long' is not understood"
    ),
    "unknown output": _observed(
        "control = ['don']\n",
        said="control names 'don', which is no output of core; did you mean 'done'?",
    ),
    "window outside": _observed(
        "window = [5, 400]\n", said="window = [5, 400], but the run ends after cycle 19"
    ),
    "another clock": _observed(
        "clock = 'rst'\n", said="clock = 'rst', but core is clocked by 'clk'"
    ),
    "wide valid": _observed(
        "data = [{port = 'done', valid = 'q'}]\n",
        said="done counts with 'q', which is no signal of one bit",
    ),
    "two roles": _observed(
        "data = ['q']\ndetectors = ['q']\n", said="q is named twice among data, control, detectors"
    ),
    "unknown parameter": Bad("parameter 'W' is nowhere in the sources", {}, {"-P": "W=3"}),
    "value with blanks": Bad("A='3 4': give a value without blanks", {}, {"-D": "A=3 4"}),
    "no memory": Bad(
        "--faults memory: core has no memory", {}, {"--faults": "memory", "--no-check": ""}
    ),
    "unknown fault": Bad(
        "--faults: 'sue' is not known; did you mean 'seu'?", {}, {"--faults": "sue"}
    ),
    "unknown engine": Bad(
        "--engine: 'lane' is not known; did you mean 'lanes'?", {}, {"--engine": "lane"}
    ),
    "dump of another design": Bad(
        "run.vcd: no scope has all input ports; tb lacks d",
        {"run.vcd": _DUMP},
        {"--stimulus": "run.vcd"},
    ),
    "no dump": Bad("stim.vcd is no VCD", {"stim.vcd": "hello\n"}, {"--stimulus": "stim.vcd"}),
}
