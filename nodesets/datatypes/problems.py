"""What can be wrong with a DataType, with a value in a file, and with bytes."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from core.errors import PlantspaceError
from nodesets.names import NodeName

Severity = Literal["error", "warning"]
MAX_DEPTH = 100
"""Structures, Variants and the like within one another: what every decoder takes (Part 6 v1.05 5.1.5)."""
MAX_DIMENSIONS = 64
"""Dimensions of a matrix. The standard has no bound; multiplying a million lengths would take minutes."""


class ValueProblem(NamedTuple):
    """One bad spot of a value in a file. After a ``warning`` the value is whole; an ``error`` has lost something."""

    element: Any
    """The lxml element (lxml has no types) that is wrong; its place in the file is found from it."""
    problem: str
    mend: str = ""
    severity: Severity = "error"


class DataTypeError(PlantspaceError):
    """A DataType cannot be used: it is not known, not described, or its description makes no sense."""

    def __init__(self, type_name: NodeName, problem: str, mend: str = "") -> None:
        """Name the DataType, what is wrong with it and what would be right."""
        self.type_name = type_name
        self.problem = problem
        self.mend = mend
        super().__init__(f"DataType {type_name}: {problem}" + (f" ({mend})" if mend else ""))


class EncodingError(PlantspaceError):
    """A value does not fit its type and cannot be encoded. ``path`` leads to the field."""

    def __init__(self, problem: str, path: tuple[str, ...] = ()) -> None:
        """Say what does not fit, and where."""
        self.problem = problem
        self.path = path
        super().__init__(f"{'.'.join(path)}: {problem}" if path else problem)

    def inside(self, name: str) -> EncodingError:
        """Give the same error, seen from the structure whose field ``name`` holds the value."""
        return EncodingError(self.problem, (name, *self.path))


class DecodingError(PlantspaceError):
    """Bytes are not the value that they should be. ``position`` counts bytes from 0."""

    def __init__(self, problem: str, position: int) -> None:
        """Say what is wrong, and where."""
        self.problem = problem
        self.position = position
        super().__init__(f"byte {position}: {problem}")
