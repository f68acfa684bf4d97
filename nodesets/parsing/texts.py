"""What single texts of a NodeSet2 file mean: NodeIds, aliases, qualified names, numbers, truths.

Raises :class:`TextError`, which says what is wrong and what would be right.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches

from core.errors import PlantspaceError
from nodesets.built_in_types import QualifiedName
from nodesets.names import NodeName, NodeNameError
from nodesets.standard import standard_number

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN")
_SHOWN = 80
# A namespace and an identifier, each of 4 096 characters, and the letters between them.
_LONGEST = 8200
# So many aliases are looked through, all in all, for one that is like a name that Aliases lacks.
_MOST_COMPARED = 100_000


class TextError(PlantspaceError):
    """A text is not what should stand there."""

    def __init__(self, problem: str, mend: str = "") -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(problem)


class ToldError(TextError):
    """What is wrong was told where it stands: at the alias that a reference names."""

    def __init__(self) -> None:
        """Say nothing."""
        super().__init__("")


class Texts:
    """Reads the texts of one file. What was read once is looked up: the same few hundred names are most of a file."""

    def __init__(self, namespaces: tuple[str, ...]) -> None:
        """``namespaces[index]`` is a namespace's URI."""
        self.namespaces = namespaces
        self._nodes: dict[str, NodeName] = {}
        self._named: dict[str, NodeName] = {}
        self.aliases: dict[str, NodeName] = {}
        """The file's aliases, but for those whose NodeId is wrong."""
        self._alias_names: set[str] = set()
        self._qualified: dict[str, QualifiedName] = {}
        self._unknown: dict[str, tuple[str, str]] = {}
        self._compared = 0

    def define(self, alias: str, text: str) -> None:
        """Take an alias of the file's table."""
        self._alias_names.add(alias)
        self._unknown.pop(alias, None)
        self._named[alias] = self.aliases[alias] = self.node(text)

    def known(self, text: str) -> NodeName | None:
        """Give what :meth:`named` gave for the same text before, or None."""
        return self._named.get(text)

    def node(self, text: str) -> NodeName:
        """Read a NodeId."""
        known = self._nodes.get(text)
        if known is None:
            _refuse_long(text)
            try:
                known = NodeName.parse_indexed(text.strip(), self.namespaces)
            except NodeNameError as error:
                problem = f"{shown(text)}: {error.problem}"
                raise TextError(problem, error.mend) from None
            self._nodes[text] = known
        return known

    def named(self, text: str) -> NodeName:
        """Read a NodeId or an alias. A standard node's name is an alias even where the file's table lacks it."""
        known = self._named.get(text)
        if known is None:
            known = self._named[text] = self._look_up(text.strip())
        return known

    def qualified(self, text: str) -> QualifiedName:
        """Read a name that may begin with a namespace index, as in ``1:Temperature``."""
        known = self._qualified.get(text)
        if known is None:
            _refuse_long(text)
            known = self._qualified[text] = self._qualify(text)
        return known

    def _look_up(self, text: str) -> NodeName:
        known = self._named.get(text)
        if known is not None:
            return known
        if text in self._alias_names:
            raise ToldError
        if "=" in text:
            return self.node(text)
        if not text:
            problem = "is empty"
            raise TextError(problem, "write a NodeId or an alias")
        number = standard_number(text)
        if number is not None:
            return NodeName.standard(number)
        # Looked for once: a file may name it ten thousand times.
        unknown = self._unknown.get(text)
        if unknown is None:
            unknown = self._unknown[text] = self._no_alias(text)
        raise TextError(*unknown)

    def _no_alias(self, text: str) -> tuple[str, str]:
        self._compared += len(self._alias_names)
        near = get_close_matches(text[:_SHOWN], self._alias_names, 1) if self._compared <= _MOST_COMPARED else ()
        mend = f"did you mean {near[0]!r}?" if near else f'add <Alias Alias="{text[:_SHOWN]}">i=…</Alias> to Aliases'
        return f"names the alias {shown(text)}, which Aliases does not have", mend

    def _qualify(self, text: str) -> QualifiedName:
        index, colon, name = text.partition(":")
        if not (colon and index.isascii() and index.isdigit()):
            return QualifiedName(self.namespaces[0], text)
        number = int(index.lstrip("0")[:8] or "0")
        if number >= len(self.namespaces):
            problem = f"{shown(text)}: the namespace index {index[:_SHOWN]} is beyond NamespaceUris, "
            problem += f"which ends at {len(self.namespaces) - 1}"
            raise TextError(problem, "add the namespace's Uri to NamespaceUris, or correct the index")
        return QualifiedName(self.namespaces[number], name)


def _refuse_long(text: str) -> None:
    if len(text) > _LONGEST:
        problem = f"{shown(text)} has more than {_LONGEST} characters"
        raise TextError(problem, "shorten it")


def shown(text: str) -> str:
    """Quote a text for a finding, shortened where it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def truth(text: str) -> bool:
    """Read an XML boolean. Raises :class:`TextError`."""
    known = _TRUTH.get(text) if text in _TRUTH else _TRUTH.get(text.strip().lower())
    if known is None:
        problem = f"{shown(text)} is neither true nor false"
        raise TextError(problem, "write true or false")
    return known


def whole(text: str, least: int, most: int) -> int:
    """Read a whole number within bounds. Raises :class:`TextError`."""
    digits = text.strip()
    number = int(digits) if _WHOLE.fullmatch(digits) else None
    if number is None or not least <= number <= most:
        problem = f"{text[:40]!r} is no whole number from {least} to {most}"
        raise TextError(problem, "correct it, or leave the attribute out")
    return number


def number(text: str) -> float:
    """Read an XML double. Raises :class:`TextError`."""
    form = _NUMBER.fullmatch(text.strip())
    if form is None or (form[1] is not None and math.isinf(float(text))):
        problem = f"{text[:40]!r} is not a number" if form is None else f"{text[:40]!r} is beyond what a Double can say"
        raise TextError(problem, "correct it, or leave the attribute out")
    return float(text)


def dimensions(text: str) -> tuple[int, ...]:
    """Read ArrayDimensions: lengths with commas between them, 0 for any. Raises :class:`TextError`."""
    return tuple(whole(part, 0, 0xFFFF_FFFF) for part in text.split(",")) if text.strip() else ()
