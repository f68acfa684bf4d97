"""Names of fields of structured variables: a node's name, ``#``, and the path to the field within the value.

A name may hold a ``#`` itself. So a text that names a node as a whole means that node, and one of a NodeId's namespace
is no sign; docs/decisions/0009 says why it is this sign.
"""

from __future__ import annotations

from typing import NamedTuple

from server.ua_stack.browse import Directory

SIGN = "#"


class FieldName(NamedTuple):
    """A text taken apart at its last sign."""

    node: str
    path: str


def field_name(text: str, directory: Directory) -> FieldName | None:
    """Take the name of a field apart; None for a text that names a node, or would."""
    found = parted(text)
    return None if found is None or directory.known(text) is not None else found


def parted(text: str) -> FieldName | None:
    """Take a text apart whatever nodes there are; None for one without the sign."""
    at = text.rfind(SIGN)
    begin = text.find(";") + 1 if text.startswith("nsu=") else 0
    if at <= begin or (text.startswith("/") and "/" in text[at:]):
        return None
    return FieldName(text[:at], text[at + 1 :])


def joined(node: str, path: str) -> str:
    """Write the name of a field."""
    return f"{node}{SIGN}{path}"
