"""A Variant as the model's values are, with the bytes that it was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodesets.built_in_types import Variant
from nodesets.datatypes.binary import decode_variant

if TYPE_CHECKING:
    from server.address_space.structured import StructureCodec


class EncodedVariant(Variant):
    """Equal to the Variant that it is; ``encoded`` has the namespaces' indexes of this run."""

    encoded: bytes

    @classmethod
    def read(cls, encoded: bytes, codec: StructureCodec) -> EncodedVariant:
        """Read bytes.

        Raises :class:`~nodesets.datatypes.problems.DecodingError`, and :class:`LookupError` for a namespace that is
        not there.
        """
        made = cls(*decode_variant(encoded, codec.types, codec.namespaces))
        made.encoded = encoded
        return made
