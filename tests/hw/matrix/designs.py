"""Random designs, shapes and stalls, small enough to simulate."""

from __future__ import annotations

import random

from hw.matrix import MatrixConfig
from hw.matrix.cycles import Stalls


def random_config(rnd: random.Random, most: int = 16) -> MatrixConfig:
    """Return a design of 2 to `most` rows and columns, its buffers often too small."""
    rows, cols = rnd.randint(2, most), rnd.randint(2, most)
    dataflow = rnd.choice(["os", "ws"])
    tiles = rnd.choice([1, 1.5, 2, 3]) if dataflow == "os" else 2 * rnd.choice([0.5, 1, 2])
    depths = [16, 16, 20, 32, 64, 512]
    bits = rnd.choice([4, 8, 8, 16])
    return MatrixConfig(
        rows=rows,
        cols=cols,
        dataflow=dataflow,
        operand_bits=bits,
        accum_bits=rnd.choice([2 * bits, 2 * bits + 5, 40]),
        multiplier=rnd.choice(["dsp", "lut"]),
        pipeline=rnd.randint(0, 2),
        a_depth=rnd.choice(depths),
        b_depth=rnd.choice(depths),
        banks=rnd.choice([1, 2, 4]),
        result_rows=max(4, 2 * int(rows * tiles / 2 + 0.9)),
    )


def random_shape(rnd: random.Random, most: int = 40) -> tuple[int, int, int]:
    """Return a ragged shape; vectors and single elements are frequent."""
    m, k, n = (rnd.randint(1, rnd.choice([1, 5, most])) for _ in range(3))
    return m, k, n


def random_stalls(rnd: random.Random) -> Stalls:
    """Return patterns of which some never stall."""
    return Stalls(a=_pattern(rnd), b=_pattern(rnd), o=_pattern(rnd))


def _pattern(rnd: random.Random) -> tuple[bool, ...]:
    rate = rnd.choice([0.2, 0.5, 0.9, 1.0])
    pattern = tuple(rnd.random() < rate for _ in range(rnd.randint(1, 12)))
    return pattern if any(pattern) else (True,)
