"""Secrets in settings: given by reference only, shown as ``***`` everywhere."""

from __future__ import annotations

import hmac
from typing import NoReturn, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from core.errors import SettingError
from core.settings.references import HIDDEN, Resolved

_MEND = "write ${env:NAME} or ${file:PATH}"


class Secret:
    """Text that is shown to nobody; :meth:`reveal` gives it to the code that must send it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep ``text``."""
        self._text = text

    def reveal(self) -> str:
        """Give the text. Never log it or put it into an error."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        message = "a Secret is not written out"
        raise TypeError(message)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take a Secret or the filled-in text of a reference; write ``***``."""
        return core_schema.no_info_plain_validator_function(
            cls._from_setting,
            serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
        )

    @classmethod
    def _from_setting(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, Resolved):
            problem = "a secret must not stand in the configuration"
            raise SettingError(problem, _MEND)
        if not value and not value.missing:
            problem = f"{value.written} is empty"
            raise SettingError(problem, "give the variable or the file the secret's text")
        return cls(str.__str__(value))
