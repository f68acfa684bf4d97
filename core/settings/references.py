"""References in settings: ``${env:NAME}`` and ``${file:PATH}``, filled in when the settings are built."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from core.errors import Findings, Place
from core.settings.plain import Plain, Step

HIDDEN = "***"
"""What stands in the place of a secret wherever something is shown."""

LARGEST_SECRET = 64 * 1024
"""The longest file in bytes that ``${file:PATH}`` reads."""

_REFERENCE = re.compile(r"\$\{(env|file):([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TELLING = 4  # a shorter run of characters shared with a secret says nothing about it


class Resolved(str):
    """Text that a reference was filled into; ``missing`` when that failed and was told."""

    __slots__ = ("missing", "written")

    def __new__(cls, text: str, written: str, *, missing: bool = False) -> Self:
        """Keep the filled-in text and, for messages, the text as written."""
        made = super().__new__(cls, text)
        made.written = written
        made.missing = missing
        return made

    def __repr__(self) -> str:
        return repr(HIDDEN)


def holds_reference(value: object) -> bool:
    """Tell whether a value, or anything inside it, came from a reference."""
    if isinstance(value, dict):
        return any(holds_reference(item) for item in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(holds_reference(item) for item in cast("list[object]", value))
    return isinstance(value, Resolved)


@dataclass(slots=True)
class References:
    """Fills in the references of one piece of configuration and keeps their texts out of messages."""

    base: Path
    place: Callable[[tuple[Step, ...]], Place]
    findings: Findings
    _texts: dict[str, str] = field(default_factory=dict[str, str])

    def fill(self, data: Plain, path: tuple[Step, ...] = ()) -> Any:  # noqa: ANN401 - goes to pydantic, which takes Any
        """Give ``data`` with every text's references filled in; each failure becomes a finding."""
        if isinstance(data, dict):
            return {key: self.fill(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.fill(value, (*path, index)) for index, value in enumerate(data)]
        if isinstance(data, str) and _REFERENCE.search(data):
            return self._fill_text(data, path)
        return data

    def scrub(self, message: str, value: object = None) -> str:
        """Give ``message`` with every filled-in text put back to its reference.

        Where a piece of ``value``'s own filled-in text remains, the message is not fit to be shown and is replaced.
        """
        for text, written in sorted(self._texts.items(), key=lambda item: -len(item[0])):
            for form in (text, repr(text)[1:-1]):
                message = message.replace(form, written)
        if isinstance(value, Resolved):
            told = _REFERENCE.sub("", message)
            secrets = [text for text, written in self._texts.items() if written in value.written]
            if any(_shares(told, text) for text in secrets):
                return f"what {value.written!r} stands for is not valid here"
        return message

    def _fill_text(self, written: str, path: tuple[Step, ...]) -> Resolved:
        missing = False

        def replace(match: re.Match[str]) -> str:
            nonlocal missing
            found = self._environment(match[2], path) if match[1] == "env" else self._file(match[2], path)
            if found is None:
                missing = True
                return ""
            if found:
                self._texts[found] = match[0]
            return found

        text = _REFERENCE.sub(replace, written)
        return Resolved(text, written, missing=missing)

    def _environment(self, name: str, path: tuple[Step, ...]) -> str | None:
        if not _NAME.fullmatch(name):
            self._tell(path, f"${{env:{name}}} does not name an environment variable", "write ${env:NAME}")
            return None
        found = os.environ.get(name)
        if found is None:
            mend = f"set {name} where Plantspace is started, or name another variable"
            self._tell(path, f"the environment variable {name} is not set", mend)
            return None
        try:
            found.encode("utf-8")
        except UnicodeEncodeError:
            self._tell(path, f"the environment variable {name} is not UTF-8 text", "set it to UTF-8 text")
            return None
        return found

    def _file(self, name: str, path: tuple[Step, ...]) -> str | None:
        file = self.base / name
        if not name or "\0" in name:
            self._tell(path, "${file:…} does not name a file", "write ${file:PATH}")
            return None
        try:
            with file.open("rb") as stream:
                raw = stream.read(LARGEST_SECRET + 1)
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            mend = "make it readable for the user that Plantspace runs as"
            if isinstance(error, FileNotFoundError):
                mend = "create it, or name another; the path starts from the configuration's folder"
            self._tell(path, f"the file {file} cannot be read: {reason}", mend)
            return None
        if len(raw) > LARGEST_SECRET:
            self._tell(path, f"the file {file} is larger than 64 KiB", "a reference is for a short text")
            return None
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            self._tell(path, f"the file {file} is not UTF-8 text", "write its text as UTF-8")
            return None
        return text.removesuffix("\n").removesuffix("\r")

    def _tell(self, path: tuple[Step, ...], problem: str, mend: str) -> None:
        self.findings.add(self.place(path), problem, mend)


def _shares(message: str, secret: str) -> bool:
    """Tell whether a telling run of ``secret``'s characters stands in ``message``."""
    return any(secret[at : at + _TELLING] in message for at in range(len(secret) - _TELLING + 1))
