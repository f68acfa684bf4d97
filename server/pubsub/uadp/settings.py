"""Settings of UADP: what stands in headers, and how messages are secured. docs/reference/pubsub-uadp.md tells more."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Secret, Settings, raise_clashes
from server.pubsub.uadp.flags import MOST_MESSAGES
from server.pubsub.uadp.publisher_id import PublisherIdType

NetworkContent = Literal[
    "PublisherId",
    "GroupHeader",
    "WriterGroupId",
    "GroupVersion",
    "NetworkMessageNumber",
    "SequenceNumber",
    "PayloadHeader",
    "Timestamp",
    "PicoSeconds",
    "DataSetClassId",
    "PromotedFields",
]
"""Bits of UadpNetworkMessageContentMask (Part 14 v1.05 6.3.1.1.4) by their names."""
MessageContent = Literal["Timestamp", "PicoSeconds", "Status", "MajorVersion", "MinorVersion", "SequenceNumber"]
"""Bits of UadpDataSetMessageContentMask (Part 14 v1.05 6.3.1.2.2) by their names."""

_IN_GROUP_HEADER = ("WriterGroupId", "GroupVersion", "NetworkMessageNumber", "SequenceNumber")


class UadpSecuritySettings(Settings):
    """Message security of UADP (Part 14 v1.05 7.2.4.4.3), with the keys of a SecurityGroup.

    ``keys``: the keys of the first token, as base64 or hex, where other publishers or subscribers have to know them
    and there is no Security Key Service; they never change. Without it the gateway makes and rotates its own.
    """

    group: str = Field(min_length=1, max_length=255)
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    policy: Literal["PubSub-Aes128-CTR", "PubSub-Aes256-CTR"] = "PubSub-Aes256-CTR"
    keys: Secret | None = None
    key_lifetime: PositiveDuration = 3600.0
    future_keys: int = Field(default=2, ge=1, le=100)
    past_keys: int = Field(default=2, ge=0, le=100)

    @property
    def keys_told(self) -> tuple[object, ...]:
        """What the settings say of the SecurityGroup, which is one wherever it is named."""
        return (self.policy, self.keys, self.key_lifetime, self.future_keys, self.past_keys)


class UadpSettings(Settings):
    """UADP of one WriterGroup or DataSetWriter; the defaults are those of Annex A.2.2, for data of any layout."""

    publisher_type: Literal["String", "Byte", "UInt16", "UInt32", "UInt64"] = "String"
    network: list[NetworkContent] = Field(
        default_factory=lambda: list[NetworkContent](("PublisherId", "PayloadHeader"))
    )
    message: list[MessageContent] = Field(
        default_factory=lambda: list[MessageContent](("Timestamp", "Status", "MinorVersion", "SequenceNumber"))
    )
    group_id: int = Field(default=0, ge=0, le=0xFFFF)
    network_message_number: int = Field(default=1, ge=0, le=0xFFFF)
    dataset_class: UUID | None = None
    promoted: list[str] = Field(default_factory=list[str])
    most_messages: int = Field(default=MOST_MESSAGES, ge=1, le=MOST_MESSAGES)
    topic: Literal["writer", "group"] = "writer"
    security: UadpSecuritySettings | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> UadpSettings:
        clashes: dict[str, SettingError] = {}
        inside = [name for name in _IN_GROUP_HEADER if name in self.network]
        if inside and "GroupHeader" not in self.network:
            problem = f"{' and '.join(inside)} stand in the group header, which is left out"
            clashes["network"] = SettingError(problem, "add GroupHeader")
        elif "PicoSeconds" in self.network and "Timestamp" not in self.network:
            clashes["network"] = SettingError("PicoSeconds belong to a Timestamp, which is left out", "add Timestamp")
        if "PicoSeconds" in self.message and "Timestamp" not in self.message:
            clashes["message"] = SettingError("PicoSeconds belong to a Timestamp, which is left out", "add Timestamp")
        if "WriterGroupId" in self.network and not self.group_id:
            clashes["group_id"] = SettingError("WriterGroupId is wanted, but there is none", "write 1 to 65535")
        if ("DataSetClassId" in self.network) != (self.dataset_class is not None):
            problem = "DataSetClassId in network: and dataset_class: belong together"
            clashes["dataset_class"] = SettingError(problem, "give both or neither")
        if ("PromotedFields" in self.network) != bool(self.promoted):
            problem = "PromotedFields in network: and promoted: belong together"
            clashes["promoted"] = SettingError(problem, "give both or neither")
        if self.topic == "group" and not {"PublisherId", "PayloadHeader"} <= set(self.network):
            problem = "several writers share a topic, and nothing in a message would tell whose it is"
            clashes["topic"] = SettingError(problem, "add PublisherId and PayloadHeader to network:")
        raise_clashes(self, clashes)
        return self

    @property
    def publisher_id_type(self) -> PublisherIdType:
        """Give the type of the PublisherId."""
        return PublisherIdType[self.publisher_type]
