"""Which points a DataSet has: nodes and patterns, a type, exceptions, and names given to single fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from core.errors import SettingError
from core.settings import Settings, raise_clashes


def _names_a_node(text: str) -> str:
    if not text.startswith(("nsu=", "/", "i=", "s=", "g=", "b=")):
        problem = f"{text!r} names no node"
        raise SettingError(problem, "write nsu=<uri>;s=… or a browse path such as /Objects/Line1/*")
    return text


def _names_a_type(text: str) -> str:
    if not text.strip():
        problem = "must name a type, but nothing stands there"
        raise SettingError(problem, "write for example AnalogItemType, or leave the key out")
    return text


def _names_a_field(text: str) -> str:
    if not text or not text.isprintable():
        problem = f"{text!r} is no name of a field"
        raise SettingError(problem, "write a text without control characters")
    return text


NodeText = Annotated[str, AfterValidator(_names_a_node)]
"""A NodeId, a browse path, or a pattern over browse paths."""


class SelectionSettings(Settings):
    """What chooses a DataSet's points.

    ``nodes``: nodes and patterns; with a ``type`` they say where to look, everywhere if there are none. ``type``: a
    VariableType means the variables of it, an ObjectType the variables beneath its instances, subtypes included.
    ``except``: nodes and patterns that are left out. ``aliases``: names of fields by their nodes.
    """

    nodes: list[NodeText] = Field(default_factory=list[NodeText])
    type: Annotated[str, AfterValidator(_names_a_type)] = Field(default="", examples=["AnalogItemType"])
    excepted: list[NodeText] = Field(default_factory=list[NodeText], alias="except")
    aliases: dict[NodeText, Annotated[str, AfterValidator(_names_a_field)]] = Field(
        default_factory=dict[NodeText, Annotated[str, AfterValidator(_names_a_field)]]
    )

    @property
    def wants_points(self) -> bool:
        """Whether there is nothing to publish without points."""
        return True

    @model_validator(mode="after")
    def _chooses_something(self) -> SelectionSettings:
        clashes: dict[str, SettingError] = {}
        if self.wants_points and not self.nodes and not self.type:
            clashes["nodes"] = SettingError("it names no points", "write nodes: [/Objects/Line1/*], or type: beside it")
        raise_clashes(self, clashes)
        return self
