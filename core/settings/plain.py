"""Plain data as a YAML document holds it."""

from __future__ import annotations

from typing import TypeAlias

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What a document is made of."""

Step: TypeAlias = str | int
"""One step from a value into it: a mapping's key or a list's index from 0."""


def dotted(path: tuple[Step, ...]) -> str:
    """Write a path as people read it: ``devices.meter-1.bindings[3].node``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
