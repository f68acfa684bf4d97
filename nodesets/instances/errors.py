"""What is wrong with a wish for an instance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from core.errors import PlantspaceError

Argument = Literal["type", "name", "parent", "reference", "optional", "placeholders", "types"]


class InstanceProblem(NamedTuple):
    """One thing wrong: with which argument and, where that has paths, with which of them, given or wanting."""

    argument: Argument
    key: str
    problem: str
    mend: str = ""


class InstanceError(PlantspaceError):
    """An instance cannot be made; ``problems`` says everything that is wrong. Nothing has been made."""

    def __init__(self, problems: Iterable[InstanceProblem]) -> None:
        """Keep the problems and make the message of all of them."""
        self.problems = tuple(dict.fromkeys(problems))
        lines = (one.problem + (f" ({one.mend})" if one.mend else "") for one in self.problems)
        super().__init__("\n".join(lines))
