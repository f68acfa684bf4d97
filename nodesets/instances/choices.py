"""What a person chooses of a type: optional children, names for placeholders, concrete types; by browse path.

A path's segments are BrowseNames, ``Name`` or ``prefix:Name`` with the last part of the namespace's URI. A choice goes
down the hierarchy with the part of its path that is still ahead, so names may hold a ``/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.settings import nearest
from nodesets.instances.errors import Argument, InstanceProblem
from nodesets.names import NodeName

ALL = "all"
"""Chooses every optional child, but within a type that contains itself: those are chosen one by one."""


class Pending(NamedTuple):
    """A path of one argument, and how much of it is still ahead. ``rest`` is empty where it ends."""

    argument: Argument
    path: str
    rest: str


@dataclass(slots=True)
class Choices:
    """The choices for one instance; notes which were of use, and what there was to choose from."""

    optional: Sequence[str] = ()
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    types: Mapping[str, NodeName] = field(default_factory=dict[str, NodeName])
    _used: set[tuple[Argument, str]] = field(default_factory=set[tuple[Argument, str]])
    _offered: dict[Argument, dict[str, None]] = field(default_factory=dict[Argument, dict[str, None]])

    @property
    def everything(self) -> bool:
        """Tell whether all optional children are chosen."""
        return ALL in self.optional

    def start(self) -> list[Pending]:
        """Give all paths as they are at the instance itself."""
        paths: list[tuple[Argument, Iterable[str]]] = [
            ("optional", (path for path in self.optional if path != ALL)),
            ("placeholders", self.placeholders),
            ("types", self.types),
        ]
        return [Pending(argument, path, path.strip("/")) for argument, given in paths for path in given]

    def use(self, argument: Argument, path: str) -> None:
        """Note that a path has led somewhere."""
        self._used.add((argument, path))

    def offer(self, argument: Argument, path: str) -> None:
        """Note that there is something to choose."""
        self._offered.setdefault(argument, {})[path] = None

    def unused(self) -> list[InstanceProblem]:
        """Give the paths that lead nowhere."""
        return [self._unknown(one) for one in self.start() if (one.argument, one.path) not in self._used]

    def _unknown(self, one: Pending) -> InstanceProblem:
        path = one.path.strip("/")
        own = self._offered.get(one.argument, {})
        if one.argument == "optional" and path in self._offered.get("placeholders", {}):
            problem = f"{path!r} is a placeholder: it stands for children that get names of their own"
            return InstanceProblem(one.argument, one.path, problem, f"write placeholders: {{{path}: [names]}}")
        if one.argument == "placeholders" and path in self._offered.get("optional", {}):
            return InstanceProblem(one.argument, one.path, f"{path!r} is no placeholder", f"write optional: [{path}]")
        near = nearest(path, own)
        if near is not None:
            mend = f"did you mean {near!r}?"
        elif own:
            mend = f"there are {', '.join(list(own)[:8])}" + (", …" if len(own) > 8 else "")  # noqa: PLR2004 - a line's worth
        else:
            mend = "the type has none to choose"
        what = {"optional": "optional child", "placeholders": "placeholder", "types": "child"}[one.argument]
        return InstanceProblem(one.argument, one.path, f"the type has no {what} {path!r}", mend)


def ahead(pending: Iterable[Pending], texts: Iterable[str]) -> list[Pending]:
    """Give the paths that go through, or end at, a child with one of the names ``texts``."""
    found: list[Pending] = []
    for argument, path, rest in pending:
        for text in texts:
            if rest == text:
                found.append(Pending(argument, path, ""))
                break
            if rest.startswith(f"{text}/"):
                found.append(Pending(argument, path, rest[len(text) + 1 :]))
                break
    return found
