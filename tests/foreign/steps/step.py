"""A step of the script: what a client does, and what it must see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.foreign.steps.stage import Stage


@dataclass(frozen=True, slots=True)
class Step:
    """``run`` raises :class:`AssertionError` where something else is seen than the clause says."""

    name: str
    run: Callable[[Stage], None]


def steps(*runs: Callable[[Stage], None]) -> tuple[Step, ...]:
    """Name steps by their functions."""
    return tuple(Step(run.__name__, run) for run in runs)
