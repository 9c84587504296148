"""The additive predictor: it recovers what is additive, and says what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from boards.flows import synthesis
from boards.target import load_target
from hw.contracts import KilnError
from hw.export import export
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.system import config_columns, space_columns
from surrogates.additive import (
    FEATURES,
    features,
    fit_clock,
    fit_group,
    macro_area_um2,
    predict,
)


def columns(count: int, seed: int = 0, **fixed) -> dict[str, np.ndarray]:
    whole = space_columns(MATRIX_SPACE.restrict({"operand_bits": 8, **fixed}))
    chosen = np.random.default_rng(seed).choice(len(whole["rows"]), count, replace=False)
    return {name: values[chosen] for name, values in whole.items()}


def test_a_truly_additive_area_is_recovered():
    knobs = columns(60, dataflow="os", multiplier="dsp")
    truth = features(knobs) @ np.arange(1.0, FEATURES + 1)
    fit = fit_group(knobs, {"lut": truth})
    assert fit["error"]["lut"] < 1e-6
    assert fit["coefficients"]["lut"] == pytest.approx(np.arange(1.0, FEATURES + 1), rel=1e-3)


def test_figures_that_a_family_does_not_have_are_left_out():
    knobs = columns(20, dataflow="os", multiplier="dsp")
    fit = fit_group(knobs, {"lut": np.full(20, 100.0), "cell_area_um2": np.zeros(20)})
    assert list(fit["coefficients"]) == ["lut"]


def test_the_clock_of_three_designs_is_near_what_was_measured():
    knobs = columns(3)
    fit = fit_clock(knobs, np.array([170.0, 140.0, 180.0]))
    assert fit["error"] < 0.15


def test_dsp_follows_from_the_array_on_ecp5():
    knobs = columns(50, multiplier="dsp", rows=(4, 8, 16), cols=(4, 8, 16))
    assert predict(knobs, "ecp5")["dsp"] == pytest.approx(knobs["rows"] * knobs["cols"], rel=1e-3)


def test_an_unknown_family_is_refused_with_the_command_that_mends_it():
    with pytest.raises(KilnError, match=r"python -m dse\.calibrate --family nexus"):
        predict(columns(3), "nexus")


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_macros_of_sky130_are_those_that_synthesis_binds(dataflow):
    # Result columns of 34 words do not go into flip-flops any more; halved, 17 words do.
    config = MatrixConfig(
        rows=2, cols=2, dataflow=dataflow, a_depth=256, b_depth=64, banks=2, result_rows=34
    )
    metrics = synthesis(export(config, "kiln_matrix"), load_target("sky130")).metrics
    macros = metrics["engine_macro_area_um2_estimated"].value
    assert macro_area_um2(config_columns([config]))[0] == pytest.approx(macros)
