"""The key ``json`` of a DataSet: which of Part 6's JSON forms, and what stands in the headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

from pydantic import BeforeValidator, Field, field_validator, model_validator

from core.errors import SettingError
from core.settings import Settings, raise_clashes

JsonForm = Literal["verbose", "compact", "reversible", "non-reversible"]
"""Field encodings (Part 14 v1.05 6.3.2.3.1): the two of Part 6 v1.05 5.4.1, and the two older ones of its Annex H."""
NetworkBit = Literal[
    "NetworkMessageHeader",
    "DataSetMessageHeader",
    "SingleDataSetMessage",
    "PublisherId",
    "DataSetClassId",
    "ReplyTo",
    "WriterGroupName",
]
"""Bits of JsonNetworkMessageContentMask by their names, bit 0 first (Part 14 v1.05 6.3.2.1.1)."""
MessageBit = Literal[
    "DataSetWriterId",
    "MetaDataVersion",
    "SequenceNumber",
    "Timestamp",
    "Status",
    "MessageType",
    "DataSetWriterName",
    "PublisherId",
    "WriterGroupName",
    "MinorVersion",
]
"""Bits of JsonDataSetMessageContentMask by their names (Part 14 v1.05 6.3.2.3.1); the form is two more."""

_MESSAGE_BITS: Final[dict[str, int]] = {
    "DataSetWriterId": 0,
    "MetaDataVersion": 1,
    "SequenceNumber": 2,
    "Timestamp": 3,
    "Status": 4,
    "MessageType": 5,
    "DataSetWriterName": 6,
    "PublisherId": 8,
    "WriterGroupName": 9,
    "MinorVersion": 10,
}
_FIELD_ENCODINGS: Final[dict[str, int]] = {
    "non-reversible": 0,
    "reversible": 1 << 7,
    "verbose": 1 << 11,
    "compact": 1 << 7 | 1 << 11,
}
"""The bits FieldEncoding1 (7) and FieldEncoding2 (11) of the field encodings."""
_OF_HEADER: Final = ("PublisherId", "DataSetClassId", "ReplyTo", "WriterGroupName")


class JsonSettings(Settings):
    """How the messages of one DataSet are written. ``class_id``: the DataSetClassId; ``reply_to``: the topic."""

    form: JsonForm = "verbose"
    network: list[NetworkBit] = Field(
        default_factory=lambda: list[NetworkBit](
            ("NetworkMessageHeader", "DataSetMessageHeader", "PublisherId", "WriterGroupName")
        )
    )
    message: list[MessageBit] = Field(
        default_factory=lambda: list[MessageBit](
            (
                "DataSetWriterId",
                "DataSetWriterName",
                "SequenceNumber",
                "MetaDataVersion",
                "Timestamp",
                "Status",
                "MessageType",
            )
        )
    )
    class_id: str = ""
    reply_to: str = ""

    @field_validator("class_id")
    @classmethod
    def _class_id_is_a_guid(cls, value: str) -> str:
        try:
            return str(UUID(value)) if value else value
        except ValueError:
            problem = f"{value!r} is no GUID"
            raise SettingError(problem, "write for example 8f1f3c2a-4f0e-4b7e-9d53-2f6f3e0c1a55") from None

    @model_validator(mode="after")
    def _bits_fit(self) -> JsonSettings:
        network, clashes = frozenset(self.network), dict[str, SettingError]()
        alone = [bit for bit in _OF_HEADER if bit in network]
        if alone and "NetworkMessageHeader" not in network:
            problem = f"{', '.join(alone)} would stand in a NetworkMessage header, which there is not"
            clashes["network"] = SettingError(problem, "add NetworkMessageHeader, or leave them out")
        elif ("DataSetClassId" in network) != bool(self.class_id):
            problem = "class_id and the bit DataSetClassId go together"
            clashes["class_id"] = SettingError(problem, "give both or neither")
        elif ("ReplyTo" in network) != bool(self.reply_to):
            problem = "reply_to and the bit ReplyTo go together"
            clashes["reply_to"] = SettingError(problem, "give both or neither")
        twice = [bit for bit in ("PublisherId", "WriterGroupName") if bit in self.message and bit in network]
        if "PublisherId" in self.message and "NetworkMessageHeader" in network and "PublisherId" not in twice:
            twice.append("PublisherId")
        if twice:
            problem = f"{' and '.join(twice)} belong to the NetworkMessage header where there is one"
            clashes["message"] = SettingError(problem, "leave them out here")
        raise_clashes(self, clashes)
        return self

    @property
    def network_mask(self) -> int:
        """Give the JsonNetworkMessageContentMask."""
        return _mask(self.network, get_args(NetworkBit))

    @property
    def message_mask(self) -> int:
        """Give the JsonDataSetMessageContentMask, the field encoding included."""
        return sum(1 << _MESSAGE_BITS[bit] for bit in set(self.message)) | _FIELD_ENCODINGS[self.form]


def _mask(names: Sequence[str], order: Sequence[str]) -> int:
    return sum(1 << bit for bit, name in enumerate(order) if name in names)


def _spelt_out(given: object) -> object:
    return {"form": given} if isinstance(given, str) else given


JsonOption = Annotated[JsonSettings, BeforeValidator(_spelt_out)]
"""``json: compact`` means ``json: {form: compact}``."""
