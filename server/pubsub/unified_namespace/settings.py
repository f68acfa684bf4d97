"""The key ``namespace`` of a connection: where values go. docs/reference/unified-namespace.md explains each."""

from __future__ import annotations

import string

from pydantic import Field, model_validator

from core.errors import SettingError
from core.settings import Settings, raise_clashes
from server.pubsub.topics import check_prefix

OF_A_POINT = ("prefix", "publisher", "group", "dataset", "path", "parents", "name")
"""What a topic may take from the connection and from the point, beside ``{1}``, ``{2}``: levels below Objects."""


class NamespaceSettings(Settings):
    """``topic``: a template; ``values``: what its other names mean; ``retain``: whether the broker keeps the latest."""

    topic: str = "{prefix}/{path}"
    values: dict[str, str] = Field(default_factory=dict[str, str])
    retain: bool = True
    metadata: bool = True
    qos: int = Field(default=1, ge=0, le=1)

    @model_validator(mode="after")
    def _template_can_be_filled(self) -> NamespaceSettings:
        clashes: dict[str, SettingError] = {}
        for key, value in self.values.items():
            try:
                check_prefix(value)
            except SettingError as error:
                clashes["values"] = error
            if key in OF_A_POINT or not key.isidentifier():
                problem = f"{key!r} cannot be the name of a value"
                clashes["values"] = SettingError(problem, f"choose another than {', '.join(OF_A_POINT)}")
        try:
            parsed = list(string.Formatter().parse(self.topic))
            names = [name for _, name, _, _ in parsed if name is not None]
            if any(shape or conversion for _, _, shape, conversion in parsed):
                raise ValueError("only names can stand in it")  # noqa: EM101, TRY003, TRY301 - told with the others below
        except ValueError as error:
            names = []
            clashes["topic"] = SettingError(f"{self.topic!r} is no template: {error}", "write {name} for a name")
        for name in names:
            if not (name in OF_A_POINT or name in self.values or (name.isdecimal() and int(name) > 0)):
                problem = f"the topic asks for {{{name}}}, which is nothing known"
                clashes["topic"] = SettingError(problem, f"write it under values:, or one of {', '.join(OF_A_POINT)}")
        if not clashes and not {"path", "name"} & set(names):
            problem = f"the topic {self.topic!r} is the same for all points"
            clashes["topic"] = SettingError(problem, "end it in {name} or {path}")
        raise_clashes(self, clashes)
        return self
