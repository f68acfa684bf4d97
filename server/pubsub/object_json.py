"""Objects as plain JSON for consumers that know nothing of OPC UA: verbose, without types."""

from __future__ import annotations

from collections.abc import Sequence

from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.json.field_types import NO_TYPES, field_type
from server.pubsub.json.objects import ObjectTexts


class ObjectJson:
    """Writes the objects of a DataSet's fields."""

    def __init__(self, fields: Sequence[DataSetField], codec: StructureCodec = NO_TYPES) -> None:
        """Read structures by the types of ``codec``."""
        self._types = [field_type(field, codec.types) for field in fields]
        self._objects = ObjectTexts("verbose", codec, raw=True)

    def text(self, place: int, value: object) -> str:
        """Give the value of the field at ``place``."""
        shown = self._objects.show(value, self._types[place])
        if shown is None:
            return "null"
        return f"{{{shown.text}}}" if shown.is_members else shown.text
