"""Number formats: one object per format, from which NumPy and hardware codecs follow."""

from .codec import Decoder, Encoder
from .exact import Normalised, Parts, as_floats, normalise
from .format import Codes, NumberFormat, quire_bits
from .integer import TwosComplement
from .minifloat import Minifloat
from .mx import Blocks, BlockScaled
from .mx_codec import BlockDecoder, BlockEncoder
from .posit import Posit
from .registry import FORMATS, find_format, find_scaled

__all__ = [
    "FORMATS",
    "BlockDecoder",
    "BlockEncoder",
    "BlockScaled",
    "Blocks",
    "Codes",
    "Decoder",
    "Encoder",
    "Minifloat",
    "Normalised",
    "NumberFormat",
    "Parts",
    "Posit",
    "TwosComplement",
    "as_floats",
    "find_format",
    "find_scaled",
    "normalise",
    "quire_bits",
]
