"""From a stimulus to the inputs of a run: ends, drains, held inputs, reactions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from boards.frozen import Frozen, Sources, freeze, sources_of
from hw.contracts import ConfigError
from hw.mac import MacConfig
from hw.matrix import MatrixConfig
from sim.faults.stimulus import Settings, kiln_job, play
from sim.faults.structures import structures

FOREIGN = Path(__file__).parents[1] / "foreign"
TEXT = """module x(input clk, input rst, input go, input test, output reg [3:0] count, output done);
  always @(posedge clk) if (rst) count <= 0; else if (go && !test) count <= count + 1;
  assign done = count == 5;
endmodule"""


@pytest.fixture(scope="module")
def design() -> tuple[Sources, Frozen]:
    return sources_of(TEXT), freeze(TEXT, "x")


def stimulus(folder: Path, body: str) -> str:
    path = folder / "stim.py"
    path.write_text(body)
    return str(path)


def test_a_run_goes_on_with_its_last_inputs_until_it_is_done(
    design: tuple[Sources, Frozen], tmp_path: Path
) -> None:
    text = "def stimulus():\n    yield {'rst': 1}\n    yield {'go': 1}\n"
    settings = Settings(done="done", drain=3, timeout=100)
    found = play(*design, settings, stimulus(tmp_path, text))
    assert found.start == 1
    assert len(found.steps) == 1 + 6 + 3  # reset, counts 0 to 5, drain
    assert all(step == {"go": 1} for step in found.steps[1:])
    held = Settings(done="done", timeout=40, hold={"test": 1})
    with pytest.raises(ConfigError, match="'done' is 1 in none of the 40 cycles"):
        play(*design, held, stimulus(tmp_path, text))


def test_a_function_sees_the_outputs_of_the_cycle_that_it_yielded(
    design: tuple[Sources, Frozen], tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("LIMIT = 3\n")
    text = (
        "from beside import LIMIT\n"
        "def stimulus(outputs):\n"
        "    yield {'rst': 1}\n"
        "    while True:\n"
        "        yield {'go': 1}\n"
        "        if outputs['count'] == LIMIT:\n"
        "            return\n"
    )
    found = play(*design, Settings(), stimulus(tmp_path, text))
    assert len(found.steps) == 1 + 4  # counts 0 to 3


@pytest.mark.parametrize(
    "text", ["exit(0)\n", "def stimulus():\n    yield {'rst': 1}\n    raise SystemExit(0)\n"]
)
def test_a_stimulus_that_ends_the_program_is_refused(
    text: str, design: tuple[Sources, Frozen], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"stim\.py:\d: SystemExit: 0; mend the stimulus"):
        play(*design, Settings(), stimulus(tmp_path, text))


def test_random_inputs_hold_reset_first_and_keep_what_is_held(
    design: tuple[Sources, Frozen],
) -> None:
    found = play(*design, Settings(hold={"test": 0}), "random", cycles=50, seed=7)
    assert [step["rst"] for step in found.steps] == [1] * 4 + [0] * 46
    assert {step["test"] for step in found.steps} == {0}
    assert (
        found.steps == play(*design, Settings(hold={"test": 0}), "random", cycles=50, seed=7).steps
    )
    assert found.window(Settings()) == range(4, 50)


def test_the_page_shows_the_files_that_are_tested() -> None:
    page = (Path(__file__).parents[4] / "docs" / "fault-injection.md").read_text()
    python, toml = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    assert python in (FOREIGN / "uart" / "stimulus.py").read_text()
    shown, used = (
        tomllib.loads(text) for text in (toml, (FOREIGN / "uart" / "observe.toml").read_text())
    )
    assert shown == used


def test_kiln_names_have_structures() -> None:
    matrix = structures(MatrixConfig(), {"core.array.row_0": "first row"})
    assert matrix("core.array.row_1.pe_3.accum") == "accumulators"
    assert matrix("core.array.row_1.pe_sum.accum") == "protection"
    assert matrix("core.array.row_0.pe_0.accum") == "first row"
    assert structures(MacConfig())("core.sum_0.total") == "accumulators"
    assert structures()("u_core.u_fifo.level") == "u_core.u_fifo"
    assert structures()("level") == "top"
    with pytest.raises(ConfigError, match="has no job of its own"):
        kiln_job(object())
