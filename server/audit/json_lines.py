"""Records as JSON, one a line, and as one sentence for people."""

from __future__ import annotations

import json

from core.time import to_iso
from server.audit.entry import Entry, is_done
from server.audit.plain import Plain, plain

_LONGEST = 60
"""Characters of a value in a sentence."""


def as_object(entry: Entry) -> dict[str, Plain]:
    """Give a record as an object: its number, time, type, fields by their OPC UA names, and the two hashes.

    Raises :class:`~server.address_space.extents.DecodingError`.
    """
    told: dict[str, Plain] = {"Sequence": entry.sequence, "Time": to_iso(entry.time), "Type": entry.type}
    for name, variant in entry.fields.items():
        told[name] = plain(variant)
    return told | {"PreviousHash": entry.previous.hex(), "Hash": entry.hash.hex()}


def as_line(entry: Entry) -> str:
    """Give a record as one line of JSON, without its end. Raises as :func:`as_object` does."""
    return json.dumps(as_object(entry), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def text_of(entry: Entry, name: str) -> str:
    """Give a field as text, empty for none. Raises as :func:`as_object` does."""
    held = plain(entry.fields.get(name, b"\x00"))
    return "" if held is None else held if isinstance(held, str) else json.dumps(held, ensure_ascii=False)


def as_sentence(entry: Entry) -> str:
    """Tell in one line what was done or refused. Raises as :func:`as_object` does."""
    parts = [text_of(entry, "SourceName")]
    if "NewValue" in entry.fields:
        old, new = (_short(text_of(entry, name) or "null") for name in ("OldValue", "NewValue"))
        parts += [text_of(entry, "SourceNode"), f"{old} -> {new}"]
    elif "MethodId" in entry.fields:
        arguments = _short(text_of(entry, "InputArguments"))
        parts += [text_of(entry, "SourceNode"), f"{text_of(entry, 'MethodId')}{arguments and f' {arguments}'}"]
    elif "UpdatedNode" in entry.fields:
        parts.append(text_of(entry, "UpdatedNode"))
    elif "User" in entry.fields:
        parts.append(
            " ".join(filter(None, (text_of(entry, "User"), text_of(entry, "Change"), text_of(entry, "Roles"))))
        )
    if not is_done(entry):
        status = text_of(entry, "StatusCodeId")
        parts.append("refused" if status in ("", "Good") else f"refused {status}")
    message = text_of(entry, "Message")
    return _one_line(" ".join(filter(None, parts)) + (f": {message}" if message else ""))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _one_line(text: str) -> str:
    """Show what would move a cursor or begin another line as escapes: the texts in it are a client's."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
