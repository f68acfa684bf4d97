"""Bits of UADP headers (Part 14 v1.05 7.2.4.4.2, 7.2.4.4.3 and 7.2.4.5.4), and the bounds that its numbers set."""

from __future__ import annotations

import enum
from typing import Final

VERSION: Final = 1
VERSION_BITS: Final = 0x0F

# UADPFlags, in the same byte as the version
PUBLISHER_ID: Final = 0x10
GROUP_HEADER: Final = 0x20
PAYLOAD_HEADER: Final = 0x40
EXTENDED_1: Final = 0x80

# ExtendedFlags1; the lowest three bits are the PublisherIdType
PUBLISHER_ID_TYPE: Final = 0x07
DATASET_CLASS_ID: Final = 0x08
SECURITY: Final = 0x10
TIMESTAMP: Final = 0x20
PICOSECONDS: Final = 0x40
EXTENDED_2: Final = 0x80

# ExtendedFlags2; bits 2 to 4 are the NetworkMessageType
CHUNK: Final = 0x01
PROMOTED_FIELDS: Final = 0x02
NETWORK_TYPE: Final = 0x1C
NETWORK_TYPE_SHIFT: Final = 2
EXTENDED_2_RESERVED: Final = 0xE0

# GroupFlags
WRITER_GROUP_ID: Final = 0x01
GROUP_VERSION: Final = 0x02
NETWORK_MESSAGE_NUMBER: Final = 0x04
GROUP_SEQUENCE: Final = 0x08
GROUP_RESERVED: Final = 0xF0

# SecurityFlags
SIGNED: Final = 0x01
ENCRYPTED: Final = 0x02
FOOTER: Final = 0x04
FORCE_KEY_RESET: Final = 0x08
SECURITY_RESERVED: Final = 0xF0

# DataSetFlags1; bits 1 and 2 are the FieldEncoding
VALID: Final = 0x01
FIELD_ENCODING: Final = 0x06
FIELD_ENCODING_SHIFT: Final = 1
SEQUENCE: Final = 0x08
STATUS: Final = 0x10
MAJOR_VERSION: Final = 0x20
MINOR_VERSION: Final = 0x40
FLAGS_2: Final = 0x80

# DataSetFlags2; the lowest four bits are the type of the DataSetMessage
MESSAGE_TYPE: Final = 0x0F
MESSAGE_TIMESTAMP: Final = 0x10
MESSAGE_PICOSECONDS: Final = 0x20
FLAGS_2_RESERVED: Final = 0xC0

MOST_MESSAGES: Final = 0xFF
"""DataSetMessages in a NetworkMessage: the Count of the payload header is a Byte."""
LARGEST_PAYLOAD: Final = 0xFFFF
"""Bytes of a payload with several DataSetMessages (Part 14 v1.05 7.2.4.5.3)."""
SEQUENCE_MASK: Final = 0xFFFF
"""Sequence numbers of UADP are UInt16 (Part 14 v1.05 7.2.3)."""


class NetworkMessageType(enum.IntEnum):
    """What a NetworkMessage carries."""

    DATA = 0
    DISCOVERY_PROBE = 1
    DISCOVERY_ANNOUNCEMENT = 2


class FieldEncoding(enum.IntEnum):
    """How the fields of a DataSetMessage are encoded."""

    VARIANT = 0
    RAW_DATA = 1
    DATA_VALUE = 2


class DataSetMessageType(enum.IntEnum):
    """What a DataSetMessage is."""

    KEY_FRAME = 0
    DELTA_FRAME = 1
    EVENT = 2
    KEEP_ALIVE = 3


class AnnouncementType(enum.IntEnum):
    """What a discovery announcement tells (Part 14 v1.05 7.2.4.6.3)."""

    PUBLISHER_ENDPOINTS = 1
    DATASET_METADATA = 2
    DATASET_WRITER_CONFIGURATION = 3
    CONNECTION_CONFIGURATION = 4
    APPLICATION_INFORMATION = 5
    ACTION_RESPONDER_CONFIGURATION = 6
    ACTION_METADATA = 7
