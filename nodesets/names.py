"""NodeIds that name their namespace by URI, and their text form.

Namespace indexes belong to one server's run (Part 3 v1.05 8.2.2), so nothing outside a NodeSet file or a session keeps
them. :class:`NodeName` is the NodeId that can be stored, compared across files and written in a configuration.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar
from uuid import UUID

from core.errors import PlantspaceError

STANDARD_NAMESPACE = "http://opcfoundation.org/UA/"
MAX_NUMERIC = 0xFFFF_FFFF
# Part 3 v1.05 8.2.4: a string or opaque identifier has at most 4 096 characters or bytes.
MAX_LENGTH = 4096
_SHOWN = 40

Kind = Literal["i", "s", "g", "b"]
Identifier = int | str | UUID | bytes
_FORM = re.compile(r"(?:(?P<scope>nsu|ns)=(?P<namespace>[^;]*);)?(?P<kind>[isgb])=(?P<identifier>.*)", re.DOTALL)
_Text = TypeVar("_Text", str, bytes)
_MEND = "an identifier is i=<number>, s=<text>, g=<GUID> or b=<Base64>, behind its namespace"


class NodeNameError(PlantspaceError):
    """A text is not a NodeId; ``problem`` and ``mend`` say why and what would be."""

    def __init__(self, text: str, problem: str, mend: str = _MEND) -> None:
        """Name the text, what is wrong with it and what would be right."""
        self.text = text
        self.problem = problem
        self.mend = mend
        super().__init__(f"NodeId {text!r}: {problem} ({mend})")


class NodeName(NamedTuple):
    """A NodeId whose namespace is a URI. ``kind`` tells the identifier's type by its letter in the text form."""

    namespace: str
    kind: Kind
    identifier: Identifier

    @classmethod
    def standard(cls, number: int) -> NodeName:
        """Make the name of a node of the standard namespace."""
        return cls(STANDARD_NAMESPACE, "i", number)

    @classmethod
    def parse(cls, text: str) -> NodeName:
        """Read ``nsu=URI;s=…`` (also i, g, b) or ``i=85`` of the standard namespace; raise :class:`NodeNameError`."""
        match = _match(text)
        if match["scope"] == "ns":
            problem = "a namespace index is valid in one run of one server only"
            raise NodeNameError(text, problem, "name the namespace: nsu=<namespace uri>;…")
        kind, identifier = _identifier(text, match)
        namespace = STANDARD_NAMESPACE if match["scope"] is None else _unescape(match["namespace"])
        if not namespace:
            raise NodeNameError(text, "the namespace URI is empty")
        return cls(namespace, kind, identifier)

    @classmethod
    def parse_indexed(cls, text: str, namespaces: Sequence[str]) -> NodeName:
        """Read ``ns=1;i=…`` as a NodeSet file or a server writes it, with ``namespaces[index]`` being the URI.

        Raises :class:`NodeNameError` for a malformed text or an index beyond the list.
        """
        match = _match(text)
        if match["scope"] == "nsu":
            return cls.parse(text)
        kind, identifier = _identifier(text, match)
        digits = match["namespace"] or "0"
        if match["scope"] == "ns" and not (match["namespace"].isascii() and match["namespace"].isdigit()):
            raise NodeNameError(
                text, f"the namespace index {match['namespace'][:_SHOWN]!r} is not a number", "write ns=1;…"
            )
        index = int(digits.lstrip("0")[:8] or "0")
        if index >= len(namespaces):
            problem = f"the namespace index {index} is beyond NamespaceUris, which ends at {len(namespaces) - 1}"
            raise NodeNameError(text, problem, "add the namespace's Uri to NamespaceUris, or correct the index")
        return cls(namespaces[index], kind, identifier)

    def __str__(self) -> str:
        """Give the text form that :meth:`parse` reads."""
        identifier = self.identifier
        value = base64.b64encode(identifier).decode() if isinstance(identifier, bytes) else str(identifier)
        local = f"{self.kind}={value}"
        return local if self.namespace == STANDARD_NAMESPACE else f"nsu={escape_uri(self.namespace)};{local}"


def _match(text: str) -> re.Match[str]:
    match = _FORM.fullmatch(text)
    if match is None:
        raise NodeNameError(text, "it is not of the form [nsu=URI;]k=identifier with k one of i, s, g, b")
    return match


def _identifier(text: str, match: re.Match[str]) -> tuple[Kind, Identifier]:
    """Read the identifier by its kind, canonically so that equal NodeIds are equal values."""
    value: str = match["identifier"]
    if match["kind"] == "i":
        if not (value.isascii() and value.isdigit()) or int(value.lstrip("0")[:12] or "0") > MAX_NUMERIC:
            raise NodeNameError(text, f"{value[:_SHOWN]!r} is not a number from 0 to {MAX_NUMERIC}")
        return "i", int(value.lstrip("0") or "0")
    if match["kind"] == "g":
        try:
            return "g", UUID(value)
        except ValueError:
            problem = f"{value[:_SHOWN]!r} is not a GUID"
            raise NodeNameError(text, problem, "write g=09087e75-8e5e-499b-954f-f2a9603db28a") from None
    if match["kind"] == "b":
        try:
            opaque = base64.b64decode(value, validate=True)
        except ValueError:  # binascii.Error is one, and what is not ASCII is another
            raise NodeNameError(text, f"{value[:_SHOWN]!r} is not Base64", "write b=M/RbKBsRVkePCePcx24oRA==") from None
        return "b", _bounded(text, opaque)
    return "s", _bounded(text, value)


def _bounded(text: str, value: _Text) -> _Text:
    if not value:
        raise NodeNameError(text, "the identifier is empty")
    if len(value) > MAX_LENGTH:
        raise NodeNameError(text[:_SHOWN] + "…", f"the identifier has more than {MAX_LENGTH} characters", "shorten it")
    return value


def escape_uri(uri: str) -> str:
    """Part 6 v1.05 5.3.1.11: the characters ';' and '%' of a URI are percent-encoded."""
    return uri.replace("%", "%25").replace(";", "%3b")


def _unescape(uri: str) -> str:
    return re.sub("%3b", ";", uri, flags=re.IGNORECASE).replace("%25", "%")
