"""What can go wrong in a co-simulation, each with the state that explains it."""

from __future__ import annotations

from collections.abc import Mapping

from hw.contracts import KilnError

__all__ = ["CosimBuildError", "CosimError", "CosimProtocolError", "CosimStallError"]


class CosimError(KilnError):
    """A simulation that did not do what the engine's contract says."""


class CosimBuildError(CosimError):
    """Verilator or the C++ compiler refused the design; the message holds the log's end."""


class CosimProtocolError(CosimError):
    """A stream broke its rules: an offer withdrawn or changed, a row too many or too few."""


class CosimStallError(CosimError):
    """Nothing moved any more. `state` says which stream waits for which.

    Parameters
    ----------
    message : str
        What stopped.
    state : mapping of str to int
        Valid, ready and counts of every stream when it did.
    """

    def __init__(self, message: str, state: Mapping[str, int]) -> None:
        super().__init__(f"{message}: {describe_state(state)}")
        self.state = dict(state)


def describe_state(state: Mapping[str, int]) -> str:
    """Return one line saying what each stream was doing."""

    def stream(name: str, extra: str = "") -> str:
        return f"{name} valid={state[f'{name}_valid']} ready={state[f'{name}_ready']}{extra}"

    parts = [
        f"cycle {state['cycle']}, job {state['jobs_done'] + 1} of {state['jobs_given']} given",
        stream("cmd"),
        stream("a", f" ({state['a_taken']} words taken, {state['a_left']} left)"),
        stream("b", f" ({state['b_taken']} words taken, {state['b_left']} left)"),
        stream("o", f" ({state['rows_done']} rows done)"),
    ]
    return "; ".join(parts)
