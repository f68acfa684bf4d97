"""What all readers of XML values share: the file's context, the problems found so far, and how deep the value is."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from nodesets.built_in_types import BuiltInType, Value
from nodesets.datatypes.problems import MAX_DEPTH, MAX_DIMENSIONS, Severity, ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import Element, FileContext, children, is_nil, local_name, text_of
from nodesets.datatypes.xml_texts import RANGES, TextProblem, whole

ElementReader = Callable[["XmlReader", Element], Value]
_LONGEST = RANGES[BuiltInType.Int32][1]


class XmlReader:
    """Reads one value. ``errors`` counts what has been lost and is not kept as an :class:`EncodedStructure`."""

    __slots__ = ("context", "depth", "errors", "extension_object", "problems", "registry")

    def __init__(
        self,
        context: FileContext,
        registry: TypeRegistry,
        problems: list[ValueProblem],
        extension_object: ElementReader,
    ) -> None:
        """Take what values are read with; ``extension_object`` reads the one built-in type that needs descriptions."""
        self.context = context
        self.registry = registry
        self.problems = problems
        self.extension_object = extension_object
        self.depth = 0
        self.errors = 0

    def tell(self, element: Element, problem: str, mend: str = "", severity: Severity = "error") -> None:
        """Collect a problem."""
        self.problems.append(ValueProblem(element, problem, mend, severity))
        if severity == "error":
            self.errors += 1

    def enter(self, element: Element) -> bool:
        """Go one level deeper; False, and a problem, where that is too deep. Whoever got True counts ``depth`` down."""
        if self.depth >= MAX_DEPTH:
            self.tell(element, f"the value has more than {MAX_DEPTH} levels", "make it flatter")
            return False
        self.depth += 1
        return True

    def parts(self, element: Element, names: Collection[str]) -> dict[str, Element]:
        """Give the children by name. Others, second ones and stray text are problems."""
        found: dict[str, Element] = {}
        for child in element:
            if type(child.tag) is not str:
                continue
            name = local_name(child)
            if name not in names:
                problem = f"{local_name(element)} has an element {name}, which does not belong there"
                self.tell(child, problem, f"it may have {', '.join(names)}", "warning")
            elif name in found:
                self.tell(child, f"{local_name(element)} has a second {name}", "keep one of them")
            else:
                found[name] = child
        if element.text is not None and not element.text.isspace():
            mend = f"write <{next(iter(names))}>…</{next(iter(names))}>"
            self.tell(element, f"{local_name(element)} has text where elements belong", mend)
        return found

    def items(self, element: Element, read: ElementReader, names: Collection[str]) -> tuple[Value, ...] | None:
        """Read the elements of an array; None for null."""
        if not len(element):
            if is_nil(element):
                return None
            if element.text is not None and not element.text.isspace():
                mend = f"write <{next(iter(names))}>…</{next(iter(names))}>"
                self.tell(element, f"{local_name(element)} has text where elements belong", mend)
            return ()
        found: list[Value] = []
        for child in element:
            if type(child.tag) is not str:
                continue
            if local_name(child) not in names:
                problem = f"an element of the array is called {local_name(child)}"
                self.tell(child, problem, f"call it {next(iter(names))}", "warning")
            found.append(read(self, child))
        return tuple(found)

    def dimensions(self, element: Element | None) -> tuple[int, ...]:
        """Read the Dimensions of a matrix; a problem for one that is no length."""
        if element is None:
            return ()
        found: list[int] = []
        lengths = children(element)
        if len(lengths) > MAX_DIMENSIONS:
            problem = f"the matrix has {len(lengths)} dimensions; up to {MAX_DIMENSIONS} are read"
            self.tell(element, problem, "write it with fewer")
            return ()
        for child in lengths:
            try:
                found.append(whole(text_of(child), 0, _LONGEST))
            except TextProblem as problem:
                self.tell(child, f"a dimension of the matrix: {problem.problem}", "write its length")
        return tuple(found)

    def fits(self, element: Element, dimensions: tuple[int, ...], count: int) -> bool:
        """Tell whether a matrix has as many elements as its dimensions say; a problem if not."""
        if math.prod(dimensions) == count and dimensions:
            return True
        problem = f"the matrix has {count} elements, and its Dimensions are {list(dimensions)}"
        self.tell(element, problem, "correct the Dimensions, or add what is missing")
        return False

    def plain_text(self, element: Element) -> str | None:
        """Give the text of an element that may have nothing else; None for nil."""
        nested = children(element) if len(element) else ()
        if nested:
            mend = "write the value alone; in a String, < as &lt;"
            self.tell(nested[0], f"{local_name(element)} has elements where a text belongs", mend)
            return None
        text = text_of(element)
        return None if not text and is_nil(element) else text
