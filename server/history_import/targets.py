"""Which variable of the model a name in a table means, and whether its history can be kept."""

from __future__ import annotations

from dataclasses import dataclass

from core.datatypes import DataType
from core.errors import PlantspaceError
from server.history_import.form import TableForm
from server.plan.plan import Plan
from server.ua_stack.browse import NodeNotFoundError


@dataclass(frozen=True, slots=True)
class Target:
    """A point: its NodeId text and its type."""

    node: str
    datatype: DataType


class UnfitNodeError(PlantspaceError):
    """No history can be imported for a name; ``problem`` and ``mend`` say why."""

    def __init__(self, problem: str, mend: str) -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem} ({mend})")


class Targets:
    """Finds the points of a plan by name; each name is looked up once."""

    def __init__(self, plan: Plan, form: TableForm) -> None:
        """Look names up in ``plan``."""
        self._plan = plan
        self._prefix = form.prefix
        self._known: dict[str, Target | UnfitNodeError] = {}

    def find(self, name: str) -> Target:
        """Find a name's point. Raises :class:`UnfitNodeError`."""
        known = self._known.get(name)
        if known is None:
            try:
                known = self._look(name)
            except UnfitNodeError as error:
                known = error
            self._known[name] = known
        if isinstance(known, UnfitNodeError):
            raise known
        return known

    def found(self) -> dict[str, Target]:
        """Give all names that were found."""
        return {name: target for name, target in self._known.items() if isinstance(target, Target)}

    def _look(self, name: str) -> Target:
        plan = self._plan
        if not name:
            problem = "the row names no node"
            raise UnfitNodeError(problem, "write its browse path /Objects/… or its NodeId nsu=…")
        text = name if name.startswith(("/", "nsu=", "i=")) else self._prefix + name
        slot = plan.slot_of(text)
        if slot is None:
            try:
                plan.directory.find(text)
            except NodeNotFoundError as error:
                if text.startswith(("/", "nsu=", "i=")):
                    raise UnfitNodeError(error.problem, error.mend) from None
                problem = f"'{text}' is no browse path and no NodeId"
                mend = "write /Objects/… or nsu=…, or say with --prefix what stands before it: --prefix /Objects/Line1/"
                raise UnfitNodeError(problem, mend) from None
            problem = f"{text} has no values of its own"
            raise UnfitNodeError(problem, "name a variable, such as one that is bound to a device")
        point = plan.points.points[slot]
        if slot not in plan.points.recorded:
            problem = f"the configuration keeps no history of {text}"
            raise UnfitNodeError(problem, "add it under historian: nodes:")
        if point.datatype is DataType.VARIANT:
            problem = f"{text} holds arrays or structures"
            raise UnfitNodeError(problem, "a table's cells cannot hold them; leave it out")
        return Target(point.node, point.datatype)
