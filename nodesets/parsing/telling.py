"""Collects what is wrong with a file, with the spot of each, while its elements pass by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from nodesets.limits import LimitError, too_many_findings
from nodesets.nodeset import NodeSet, Problem
from nodesets.parsing.attributes import IGNORED, Attributes
from nodesets.parsing.elements import MOST_ATTRIBUTES, Element, local_name
from nodesets.parsing.places import Numbers, Spot
from nodesets.parsing.texts import TextError, Texts, ToldError

_T = TypeVar("_T")


class Teller:
    """Knows the root's element that is being read: ``top``, which is number ``position``."""

    def __init__(self, nodeset: NodeSet, texts: Texts, most: int) -> None:
        """Collect into ``nodeset`` up to ``most`` errors, and as many remarks."""
        self._most = most
        self.position = -1
        self.top: Element | None = None
        self._nodeset = nodeset
        self._texts = texts
        self._numbers = Numbers()

    def enter(self, top: Element) -> None:
        """Begin with the root's next element."""
        self.position += 1
        self.top = top

    def leave(self) -> None:
        """Let go of the element that is being read, and of what was counted within it."""
        self.top = None
        self._numbers = Numbers()

    def problem(self, element: Element, problem: str, mend: str) -> None:
        """Take an error. Raises :class:`~nodesets.limits.LimitError` where there are too many."""
        if len(self._nodeset.problems) >= self._most:
            raise too_many_findings(self._most)
        self._nodeset.problems.append(Problem(self._spot(element), problem, mend))

    def unknown_element(self, element: Element, parent: str) -> None:
        """Take an element that the schema does not know there."""
        problem = f"the element {local_name(element)!r} is not known in {parent} and was passed over"
        self._remark(element, problem)

    def unread_reference(self, number: int) -> None:
        """Take that a Reference of the node, counted from 0, is not in its record."""
        self._nodeset.unread_references.setdefault(self.position, []).append(number)

    def unknown_attribute(self, element: Element, key: str, tag: str) -> None:
        """Take an attribute that the schema does not know; those of other namespaces are nobody's loss."""
        if key not in IGNORED and not key.startswith("{"):
            problem = f"the attribute {key!r} is not known in {tag} and was passed over"
            self._remark(element, problem)

    def unknown_top(self, tag: str) -> None:
        """Take the root's next element, which the schema does not know."""
        self.position += 1
        problem = f"the element {tag!r} is not known in UANodeSet and was passed over"
        self._remark(None, problem)

    def attempt(self, element: Element, what: str, read: Callable[[], _T]) -> _T | None:
        """Read a text; what is wrong with it becomes a problem."""
        try:
            return read()
        except TextError as error:
            self._wrong(element, what, error)
            return None

    def attributes(self, element: Element, known: Attributes, tag: str) -> dict[str, object]:
        """Read an element's attributes by their table. Raises :class:`~nodesets.limits.LimitError` for too many."""
        if len(element.attrib) > MOST_ATTRIBUTES:
            problem = f"{tag} has more than {MOST_ATTRIBUTES} attributes; the rest of the file is not read"
            raise LimitError(problem, "a NodeSet2 element has some ten; write it anew")
        values: dict[str, object] = {}
        for key, text in element.items():
            how = known.get(key)
            if how is None:
                self.unknown_attribute(element, key, tag)
                continue
            try:
                values[how[0]] = how[1](self._texts, text)
            except TextError as error:
                self._wrong(element, key, error)
        return values

    def _remark(self, element: Element | None, problem: str) -> None:
        remarks = self._nodeset.remarks
        if len(remarks) < self._most:
            remarks.append(Problem(Spot(self.position) if element is None else self._spot(element), problem))
        elif len(remarks) == self._most:
            remarks.append(Problem(Spot(self.position), f"this and further remarks beyond {self._most} are not told"))

    def _wrong(self, element: Element, what: str, error: TextError) -> None:
        if not isinstance(error, ToldError):
            self.problem(element, f"{what} {error.problem}", error.mend)

    def _spot(self, element: Element) -> Spot:
        return self._numbers.spot_of(element, element if self.top is None else self.top, self.position)
