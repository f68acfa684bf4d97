"""What is told of a change: to the log, and to whoever asked for it over OPC UA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.errors import Finding
from server.model_change.comparing import Alteration, SpaceDifference

MOST_LINES = 200
"""Lines of differences, and as many of findings: a person reads no more, and a client gets it in one answer."""
_ATTRIBUTES = {
    "node_class": "NodeClass",
    "browse_name": "BrowseName",
    "display_name": "DisplayName",
    "description": "Description",
    "value": "Value",
    "flags": "EventNotifier, IsAbstract, Symmetric, Executable or ContainsNoLoops",
    "definition": "DataTypeDefinition or InverseName",
    "access": "WriteMask, AccessRestrictions or RolePermissions",
    "data_type": "DataType",
    "value_rank": "ValueRank",
    "array_dimensions": "ArrayDimensions",
    "access_level": "AccessLevel",
    "minimum_sampling_interval": "MinimumSamplingInterval",
    "historizing": "Historizing",
}


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What a change is, or why there is none. With ``findings`` nothing has changed.

    ``seconds``: how long the event loop was held, 0 where nothing was applied.
    """

    findings: tuple[Finding, ...] = ()
    summary: str = "nothing has changed"
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    applied: bool = False
    seconds: float = field(default=0.0, compare=False)

    def text(self) -> str:
        """Give all of it, a line each."""
        if self.findings:
            return "\n".join(("the model stays as it is:", *_bounded([str(one) for one in self.findings])))
        return "\n".join((self.summary, *self.lines, *self.notes))


def summary_of(difference: SpaceDifference, uris: Sequence[str]) -> str:
    """Count what is different."""
    if not difference:
        return "nothing has changed"
    references = len(difference.arcs_added) + len(difference.arcs_removed)
    counts = (
        (len(difference.added), "node added", "nodes added"),
        (len(difference.removed), "node removed", "nodes removed"),
        (len(difference.altered), "node changed", "nodes changed"),
        (references, "reference changed", "references changed"),
        (len(uris), "namespace added", "namespaces added"),
    )
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in counts if number)


def altered_words(alteration: Alteration) -> str:
    """Name the attributes that differ, as Part 3 calls them."""
    was, now = alteration.before.variable, alteration.after.variable
    names: list[str] = []
    for name in alteration.attributes:
        if name == "variable" and was is not None and now is not None:
            fields = [
                one for one in was._fields if one != "user_access_level" and getattr(was, one) != getattr(now, one)
            ]
            names += [_ATTRIBUTES[one] for one in fields]
        elif name != "variable":
            names.append(_ATTRIBUTES[name])
    return ", ".join(names)


def bounded_lines(added: Sequence[str], removed: Sequence[str], altered: Sequence[str]) -> tuple[str, ...]:
    """Give a line for each difference, in the order of their paths, up to a bound."""
    signed = [*(f"+ {path}" for path in added), *(f"- {path}" for path in removed), *(f"~ {path}" for path in altered)]
    return tuple(_bounded(sorted(signed, key=lambda line: line[2:])))


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], f"and {more} more"]
