"""Engines with number formats: bit-exact in every mode, exact in cycles, refused where impossible.

The oracle is `tests.hw.mac.oracle`: exact integers from the standards' definitions.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.contracts import ConfigError, Operator, OperatorKind, Phase
from hw.export import export, write_design
from hw.mac import MacConfig
from hw.mac.golden import sums
from hw.matrix import FORMAT_SETS, MIXED_SPACE, MatrixConfig, mixed_config
from hw.matrix.cycles import Stalls
from hw.matrix.header import c_header
from hw.matrix.mixed_space import accumulator_bits
from hw.numerics import find_format

from ..export.lint import lint
from ..mac.oracle import code_of, dot, values
from .bench import random_case, run_jobs
from .designs import random_shape, random_stalls

SMALL: dict[str, Any] = {
    "rows": 3,
    "cols": 2,
    "a_depth": 32,
    "b_depth": 32,
    "result_rows": 6,
    "operand_bits": 16,
}
MIXES = ("int8", "int4+int8", "fp4_e2m1+fp8_e4m3", "fp4_e2m1+posit4+posit8+posit16", "bf16+int12")


def engine(formats: str, **knobs: Any) -> MatrixConfig:
    names = tuple(formats.split("+"))
    bits = {"accum_bits": accumulator_bits(names)}
    return MatrixConfig(formats=names, **{**SMALL, **bits, **knobs})


def finite(config: MatrixConfig, job: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return operands without NaN, NaR and infinities, which would drown everything else."""
    known = np.array([not isinstance(v, str) for v in values(find_format(job.mode))])
    codes = np.flatnonzero(known)
    return rng.choice(codes, (job.m, job.k)), rng.choice(codes, (job.k, job.n))


@pytest.mark.parametrize(("formats", "pipeline"), [*zip(MIXES, (3, 0, 1, 2, 1), strict=True)])
def test_every_mode_is_exact_to_the_cycle(formats: str, pipeline: int) -> None:
    config = engine(formats, pipeline=pipeline, multiplier=("dsp", "lut")[pipeline % 2])
    rng = np.random.default_rng(pipeline)
    jobs = [
        config.plan(*shape, mode) for mode in config.formats for shape in ((4, 9, 3), (1, 1, 1))
    ]
    cases = [(job, *finite(config, job, rng)) for job in jobs]
    run = run_jobs(config, cases)
    for (job, A, B), found in zip(cases, run.results, strict=True):
        np.testing.assert_array_equal(found, config.golden(job, (A, B)), err_msg=job.mode)
    alone = run_jobs(config, cases[:1])
    assert alone.cycles == [config.cycles(cases[0][0]).total]


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", range(4))
@pytest.mark.parametrize("formats", MIXES)
def test_every_mode_is_exact_at_every_depth(formats: str, pipeline: int) -> None:
    test_every_mode_is_exact_to_the_cycle(formats, pipeline)


@pytest.mark.parametrize("formats", ["int4+int8", "fp4_e2m1+posit4+posit8+posit16"])
def test_results_are_those_of_the_standards(formats: str) -> None:
    config = engine(formats, step=16, result_format="posit16")
    mac = config.numbers.mac  # type: ignore[union-attr]
    rng = np.random.default_rng(3)
    result = find_format(config.result_format)
    for mode in config.formats:
        job = config.plan(3, 10, 2, mode)
        A, B = finite(config, job, rng)
        (run,) = run_jobs(config, [(job, A, B)]).results
        for row in range(3):
            for col in range(2):
                wanted = _summed(mac, job.mode, A[row], B[:, col])
                assert run[row, col] == code_of(result, *wanted), (mode, row, col)


def _summed(mac: MacConfig, mode: str, a: Any, b: Any) -> tuple[int, int]:
    """Return the accumulator of the oracle, and the weight of its lowest bit."""
    plan = mac.plan.modes[mac.mode(mode)]
    missing = -len(a) % plan.lanes
    rows = [np.pad(side, (0, missing)).reshape(-1, plan.lanes).tolist() for side in (a, b)]
    found = dot(mac, plan, *rows)
    return found.total, found.exponent


@pytest.mark.parametrize("seed", range(4))
def test_random_engines_under_random_stalls(seed: int) -> None:
    rnd = random.Random(seed)
    config = engine(
        rnd.choice(MIXES),
        pipeline=rnd.randint(0, 3),
        rows=rnd.randint(2, 4),
        cols=rnd.randint(2, 4),
        result_rows=rnd.choice([4, 8]),
        a_depth=rnd.choice([16, 40]),
    )
    stalls, mode = random_stalls(rnd), rnd.choice(config.formats)
    case = random_case(config, random_shape(rnd, most=14), np.random.default_rng(seed), mode)
    run = run_jobs(config, [case], a=stalls.a, b=stalls.b, o=stalls.o)
    np.testing.assert_array_equal(run.results[0], config.golden(case[0], case[1:]))
    assert run.cycles == [config.cycles(case[0], stalls=stalls).total]


NAMES = ("fp4", "posit4", "int6", "posit8_es2", "fp8_e5m2", "posit16_es2", "int16", "bf16", "fp16")


@pytest.mark.parametrize("seed", range(6))
def test_the_verilog_of_random_windows_has_no_warnings(seed: int, tmp_path: Path) -> None:
    rnd = random.Random(seed)
    carries = 1 + rnd.choice([0, 6, 12])
    config = MatrixConfig(
        formats=tuple(rnd.sample(NAMES, rnd.choice([1, 1, 2, 3]))),
        accum_bits=carries + rnd.randint(12, 24),
        length=1 << (carries - 1),
        step=rnd.choice([4, 8]),
        multiplier=rnd.choice(["dsp", "lut"]),
        pipeline=rnd.randint(0, 3),
        **SMALL | {"rows": 2, "result_rows": 4},
    )
    design = export(config, "kiln_matrix")
    write_design(design, tmp_path)
    assert lint(design, tmp_path) == ""


@pytest.mark.parametrize("aborted", [21, 30])
def test_reset_forgets_what_is_in_flight(aborted: int) -> None:
    config = engine("fp4_e2m1+posit16", pipeline=2)
    rng = np.random.default_rng(aborted)
    job = config.plan(3, 16, 2, "posit16")
    case = (job, *finite(config, job, rng))
    run = run_jobs(config, [case], aborted=aborted)
    np.testing.assert_array_equal(run.results[0], config.golden(job, case[1:]))
    assert run.cycles == [config.cycles(job).total]


def test_narrow_operands_take_fewer_cycles() -> None:
    config = engine("fp4_e2m1+posit8+posit16")
    steps = {mode: config.plan(6, 64, 4, mode).elements for mode in config.formats}
    assert steps == {"fp4_e2m1": 16, "posit8": 32, "posit16": 64}
    longer = [config.cycles(config.plan(6, 64, 4, mode)).total for mode in config.formats]
    assert longer == sorted(longer)
    assert longer[2] > 2 * longer[0]


def test_operator_says_its_format() -> None:
    config = engine("fp4_e2m1+int8")
    op = Operator(
        name="proj", kind=OperatorKind.GEMM, phase=Phase.DECODE, m=1, k=9, n=4, format="int8"
    )
    (job,) = config.jobs(op) or ()
    assert (job.mode, job.elements) == ("int8", 5)
    fields = config.descriptor(job)
    assert fields >> 172 == 1  # the mode lies in the highest bits
    plain = MatrixConfig()
    assert plain.descriptor(plain.plan(1, 9, 4)) >> 163 == 0


def test_every_set_of_the_space_is_a_design() -> None:
    least = {name: knob.values[0] for name, knob in MIXED_SPACE.knobs.items()}
    for formats in FORMAT_SETS:
        config = MIXED_SPACE.decode({**least, "formats": formats})
        assert config == mixed_config(**{**least, "formats": formats})  # type: ignore[arg-type]
        assert config.result_bits == 16


def test_an_accumulator_is_as_wide_as_it_is_built() -> None:
    exact = 1 + 12 + 36  # a sign, the carries of 4096 products, and all of a product of FP8 E4M3
    for asked, built, kind in ((256, exact, "quire"), (exact, exact, "quire"), (48, 48, "bounded")):
        config = engine("fp8_e4m3", accum_bits=asked)
        mac = config.numbers.mac  # type: ignore[union-attr]
        assert (config.accum_bits, mac.accumulator) == (built, kind)
        assert mac.plan.accumulator_bits == built
        assert config == engine("fp8_e4m3", accum_bits=built)
    assert engine("fp4_e2m1", length=1, accum_bits=64) == engine("fp4", length=1, accum_bits=9)


def test_the_space_keeps_windows_where_exact_sums_would_be_wide() -> None:
    found = {formats: accumulator_bits((formats,)) for formats in ("fp8_e4m3", "bf16", "posit16")}
    assert found == {"fp8_e4m3": 49, "bf16": 13 + 27, "posit16": 13 + 27}


def test_operand_0_lies_lowest_on_a_port() -> None:
    numbers = engine("fp4_e2m1+posit8+bf16").numbers
    assert numbers.ports("A", "fp4_e2m1", np.array([[1, 2, 3, 4, 5]])).tolist() == [[0x4321, 5]]
    assert numbers.ports("A", "posit8", np.array([[1, 2, 3]])).tolist() == [[0x0201, 3]]
    assert numbers.ports("B", "bf16", np.array([[0x1234]])).tolist() == [[0x1234]]


@pytest.mark.parametrize("rise", [32, 48, 64, 180])
def test_what_a_window_leaves_behind_is_gone_whatever_its_sign(rise: int) -> None:
    config = engine("bf16", rows=2, cols=2, accum_bits=13 + 16, result_rows=4)
    least, most = (code_of(find_format("bf16"), 1, power) for power in (-60, rise - 60))
    minus, one = (code_of(find_format("bf16"), sign, 0) for sign in (-1, 1))
    A, B = np.array([[least, most, most]] * 2), np.array([[minus, one, minus]] * 2).T
    job = config.plan(2, 3, 2)
    (run,) = run_jobs(config, [(job, A, B)]).results
    assert run.tolist() == config.golden(job, (A, B)).tolist() == [[0, 0], [0, 0]]


def test_each_dot_product_begins_with_its_window_at_the_base() -> None:
    mac = engine("bf16").numbers.mac  # type: ignore[union-attr]
    codes = np.array([[0x7F7F], [0x0001]])  # the largest moves the window to its top
    both, alone = (sums(mac, "bf16", x, x, [1] * len(x)) for x in (codes, codes[1:]))
    assert (both.total[1], both.exponent[1]) == (alone.total[0], alone.exponent[0])
    assert both.exponent[0] - both.exponent[1] == mac.plan.bases * mac.plan.step


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"operand_bits": 8}, ("operand_bits=8", "use operand_bits=16")),
        ({"dataflow": "ws"}, ("dataflow='ws'", "use dataflow='os'")),
        ({"accum_bits": 20}, ("accum_bits=20", "window of 7 bits", "use 25 or more")),
        ({"accum_bits": 100}, ("accum_bits=100", "use 127, or 64 or fewer")),
        ({"accum_bits": 64, "length": 1}, ("accum_bits=64", "use 115, or 63 or fewer")),
        ({"formats": ("bf16",), "accum_bits": 100}, ("accum_bits=100", "; use 64 or fewer")),
        ({"formats": ("posit16", "pint8")}, ("formats='pint8' is not known", "did you mean")),
        ({"formats": ("posit99_es1",)}, ("formats='posit99_es1': bits=99", "use 2 to 16")),
        ({"formats": "fp4"}, ("formats='fp4' is no tuple", "use ('fp4',)")),
        ({"formats": ("int8", "int8")}, ("formats=('int8', 'int8') names a format twice",)),
        ({"formats": ("fp4", "fp4_e2m1")}, ("formats=('fp4', 'fp4_e2m1')", "a format twice")),
        ({"formats": (*(f"int{bits}" for bits in range(2, 17)), "bf16", "fp16")}, ("are 17",)),
        ({"formats": ("int8", "mx_fp4")}, ("formats='mx_fp4' scales blocks", "'fp4_e2m1'")),
        ({"result_format": "mx_int8"}, ("result_format='mx_int8' scales blocks", "'int8'")),
        ({"result_format": "fp32"}, ("result_format='fp32' is not known",)),
        ({"pipeline": 4}, ("pipeline=4",)),
        ({"step": 5}, ("step=5",)),
        ({"length": 0}, ("length=0",)),
    ],
)
def test_impossible_engines_are_refused_with_the_remedy(
    knobs: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as found:
        MatrixConfig(**{**SMALL, "formats": ("posit16",), "accum_bits": 40, **knobs})
    for word in words:
        assert word in str(found.value)


def test_what_says_nothing_of_integers_is_refused() -> None:
    with pytest.raises(ConfigError, match="result_format='fp16' says nothing"):
        MatrixConfig(result_format="fp16")
    with pytest.raises(ConfigError, match="computes with integers only"):
        MatrixConfig().plan(2, 2, 2, "int8")


def test_jobs_that_do_not_fit_are_refused() -> None:
    config = engine("int8", length=64)
    with pytest.raises(ConfigError, match="k=65 is longer"):
        config.plan(2, 65, 2)
    with pytest.raises(ConfigError, match="mode='posit8' is none of this engine's"):
        config.plan(2, 6, 2, "posit8")
    job = config.plan(2, 3, 2)
    with pytest.raises(ConfigError, match="codes of int8"):
        config.pack_a(job, np.full((2, 3), 256))


def test_stalls_never_change_results() -> None:
    config = engine("fp4_e2m1+int8")
    rng = np.random.default_rng(0)
    cases = [random_case(config, (4, 5, 3), rng, mode) for mode in ("int8", "fp4_e2m1", "int8")]
    stalls = Stalls(a=(True, False), b=(True, True, False), o=(False, True))
    run = run_jobs(config, cases, a=stalls.a, b=stalls.b, o=stalls.o)
    for (job, A, B), found in zip(cases, run.results, strict=True):
        np.testing.assert_array_equal(found, config.golden(job, (A, B)))


@pytest.mark.parametrize("formats", ["", "fp4_e2m1+posit8"])
def test_c_header_names_the_fields_of_the_command(formats: str) -> None:
    config = engine(formats) if formats else MatrixConfig(rows=3, cols=2)
    text = c_header(config, "kiln_x")
    found = {
        words[1]: int(words[2])
        for line in text.splitlines()
        if len(words := line.split()) == 3 and words[0] == "#define"
    }
    job = config.plan(7, 21, 5, config.formats[-1] if formats else "")
    command = config.descriptor(job)

    def field(name: str) -> int:
        return command >> found[f"KILN_X_{name}_SHIFT"] & (1 << found[f"KILN_X_{name}_BITS"]) - 1

    assert field("INNER_M1") == job.elements - 1
    assert field("EDGE_ROWS") == 1
    assert field("COLS_M1") == 2
    if formats:
        assert field("MODE") == found["KILN_X_MODE_POSIT8"] == 1
        assert found["KILN_X_MODE_FP4_E2M1_LANES"] == 4
    assert found["KILN_X_RESULT_BITS"] == config.result_bits
