"""Operators in the form in which they are written: every operand as wide as its operation.

Verilog evaluates an operand in the width and signedness of its context. Here each operand is
extended explicitly, so that the text says what happens, no simulator has to guess, and linters have
nothing to report.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts import KilnError
from .rtlil import Cell, Chunk, Sig
from .signals import extend, part, width_of

__all__ = ["Operation", "normalize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One Verilog operator.

    Members
    -------
    form : str
        ``unary``, ``binary``, ``mux``, ``select`` (an indexed part select) or ``copy``.
    symbol : str
        The Verilog operator.
    args : tuple of Sig
        Operands.
    width : int
        Width of the result.
    signed : bool
        Whether the operands are taken as signed.
    noun : str
        What an intermediate result is called.
    """

    form: str
    symbol: str = ""
    args: tuple[Sig, ...]
    width: int
    signed: bool = False
    noun: str = "value"

    @property
    def is_inlinable(self) -> bool:
        """Whether it means the same as an operand of an unsigned expression."""
        if self.form == "select":
            return False
        if self.symbol == "*":
            return not self.signed and all(width_of(arg) == self.width for arg in self.args)
        return not self.signed or self.symbol in _COMPARE.values()


_ARITHMETIC = {"$add": ("+", "sum"), "$sub": ("-", "difference")}
_BITWISE = {"$and": ("&", "both"), "$or": ("|", "either"), "$xor": ("^", "differ")}
_COMPARE = {"$eq": "==", "$ne": "!=", "$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">="}
_REDUCE = {"$reduce_or": "|", "$reduce_and": "&", "$reduce_xor": "^", "$reduce_bool": "|"}
_DIVIDE = {"$divfloor": ("/", "quotient"), "$modfloor": ("%", "remainder")}
_RIGHT = {"$shr": ">>", "$sshr": ">>>", "$shift": ">>"}


def normalize(cell: Cell, width: int) -> Operation:
    """Return `cell` as an operation that yields the low `width` bits of its result.

    Raises
    ------
    KilnError
        There is no way to write this kind of cell.
    """
    zero = (Chunk("", 0, 1),)  # what Amaranth writes as an operand without any bit
    a = cell.ports.get("A") or zero
    b = cell.ports.get("B") or zero
    a_signed = "A_SIGNED" in cell.parameters and bool(cell.number("A_SIGNED"))
    b_signed = "B_SIGNED" in cell.parameters and bool(cell.number("B_SIGNED"))
    kind = cell.kind
    if kind in _ARITHMETIC or kind in _BITWISE:
        symbol, noun = (_ARITHMETIC | _BITWISE)[kind]
        args = (extend(a, width, signed=a_signed), extend(b, width, signed=b_signed))
        return Operation(form="binary", symbol=symbol, args=args, width=width, noun=noun)
    if kind in ("$not", "$neg"):
        return Operation(
            form="unary",
            symbol="~" if kind == "$not" else "-",
            args=(extend(a, width, signed=a_signed),),
            width=width,
            noun="inverse",
        )
    if kind in _COMPARE:
        return _compare(_COMPARE[kind], a, b, signed=a_signed)
    if kind in _REDUCE:
        return Operation(form="unary", symbol=_REDUCE[kind], args=(a,), width=1, noun="any")
    if kind == "$logic_not":
        return _compare("==", a, (Chunk("", 0, width_of(a)),), signed=False)
    if kind == "$mux":
        choices = (part(b, 0, width), part(a, 0, width))
        return Operation(form="mux", args=(cell.ports["S"], *choices), width=width, noun="choice")
    if kind == "$mul":
        return _multiply(a, b, width, signed=a_signed)
    if kind == "$shl":
        args = (extend(a, width, signed=a_signed), b)
        return Operation(form="binary", symbol="<<", args=args, width=width, noun="shifted")
    if kind in _RIGHT:
        return _shift_right(kind, a, b, width, signed=a_signed)
    if kind in _DIVIDE and not a_signed:
        return _divide(*_DIVIDE[kind], a, b, width)
    raise KilnError(
        f"export cannot write the operator {kind.removeprefix('$')!r}"
        f"{' of signed operands' if a_signed else ''}; express it by other operators"
    )


def _compare(symbol: str, a: Sig, b: Sig, *, signed: bool) -> Operation:
    width = max(width_of(a), width_of(b), 1)
    args = (extend(a, width, signed=signed), extend(b, width, signed=signed))
    ordered = signed and symbol not in ("==", "!=")
    return Operation(
        form="binary", symbol=symbol, args=args, width=1, signed=ordered, noun="matches"
    )


def _multiply(a: Sig, b: Sig, width: int, *, signed: bool) -> Operation:
    """Operands keep their width: it tells synthesis how large a multiplier is needed."""
    args = (part(a, 0, width), part(b, 0, width))
    return Operation(
        form="binary", symbol="*", args=args, width=width, signed=signed, noun="product"
    )


def _divide(symbol: str, noun: str, a: Sig, b: Sig, width: int) -> Operation:
    full = max(width_of(a), width_of(b), width)
    args = (extend(a, full, signed=False), extend(b, full, signed=False))
    return Operation(form="binary", symbol=symbol, args=args, width=full, noun=noun)


def _highest(sig: Sig) -> int:
    """Return the highest value that `sig` can have."""
    value, low = 0, 0
    for chunk in sig:
        value |= (((1 << chunk.width) - 1) if chunk.wire else chunk.low) << low
        low += chunk.width
    return value


def _shift_right(kind: str, a: Sig, b: Sig, width: int, *, signed: bool) -> Operation:
    reach = _highest(b) + width  # highest bit that can be asked for, plus one
    if width < width_of(a) and reach <= 4 * width_of(a):
        padded = extend(a, max(width_of(a), reach), signed=signed)
        index = extend(b, (width_of(padded) - 1).bit_length(), signed=False)
        return Operation(form="select", args=(padded, index), width=width, noun="selected")
    full = max(width, width_of(a))
    return Operation(
        form="binary",
        symbol=">>>" if signed else ">>",
        args=(extend(a, full, signed=signed), b),
        width=full,
        signed=signed,
        noun="shifted",
    )
