"""Message security, against AES and HMAC written out by the tables of Part 14."""

from __future__ import annotations

import hashlib
import hmac
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from core.datatypes import DataType
from core.errors import SettingError
from core.time import SystemClock
from server.pubsub.frames import PubSubState
from server.pubsub.uadp.decoding import UadpDecoder
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.errors import InsecureMessage, UnsupportedMessage
from server.pubsub.uadp.keys import GroupKeys, SecurityGroups
from server.pubsub.uadp.messages import ReceivedMetaData
from server.pubsub.uadp.publisher import UadpPublisher
from server.pubsub.uadp.publisher_id import PublisherIdType
from server.pubsub.uadp.security import MessageKeys, Policy, Protection, SecurityMode, key_length
from server.pubsub.uadp.settings import UadpSecuritySettings, UadpSettings
from tests.unit.server.pubsub.uadp.plain import IDENTITY, PlainField, dataset_message, fields_of, frame_of, publisher

VALUES = [PlainField(0, DataType.DOUBLE, 1.5), PlainField(1, DataType.INT32, 3)]
FIELDS = fields_of([DataType.DOUBLE, DataType.INT32])
FRAME = frame_of(VALUES)


class Keys:
    """Keys of one token, and numbers from 1."""

    def __init__(self, policy: Policy = "PubSub-Aes256-CTR", token: int = 3, seed: int = 1) -> None:
        self.keys = MessageKeys(token, policy, bytes((seed + place) % 256 for place in range(key_length(policy))))
        self.number = 0

    def take(self) -> tuple[MessageKeys, int]:
        self.number += 1
        return self.keys, self.number

    def find(self, token: int) -> MessageKeys | None:
        return self.keys if token == self.keys.token else None


class SecuredPublisher(UadpPublisher):
    """A publisher whose keys are at hand."""

    def __init__(self, keys: Keys, mode: SecurityMode) -> None:
        super().__init__("opcua", "line-1", PublisherIdType.String)
        self._own = Protection(keys, mode)

    def protection(self, security: UadpSecuritySettings | None) -> Protection:  # noqa: ARG002 - whatever they say
        return self._own


def _encoding(keys: Keys, mode: SecurityMode) -> UadpEncoding:
    return UadpEncoding(SecuredPublisher(keys, mode), IDENTITY, FIELDS, (), UadpSettings())


def _sealed(keys: Keys, mode: SecurityMode = "SignAndEncrypt") -> bytes:
    (made,) = _encoding(keys, mode).data([FRAME], 10_000)
    return made.message.payload


@pytest.mark.parametrize("policy", ["PubSub-Aes128-CTR", "PubSub-Aes256-CTR"])
def test_the_bytes_are_those_of_part_14(policy: Policy) -> None:
    keys = Keys(policy)
    data = keys.keys.data
    signing, encrypting, key_nonce = data[:32], data[32:-4], data[-4:]
    assert len(encrypting) == (16 if "128" in policy else 32)
    message = _sealed(keys)
    head = b"\xd1\x14\x06\0\0\0line-1\x01\x07\x00"  # ExtendedFlags1: String, security
    assert message[: len(head)] == head
    flags, token, length = struct.unpack_from("<BIB", message, len(head))
    assert (flags, token, length) == (3, 3, 8)
    nonce = message[len(head) + 6 : len(head) + 14]
    assert nonce[4:] == b"\x01\0\0\0"
    body, signature = message[len(head) + 14 : -32], message[-32:]
    assert signature == hmac.new(signing, message[:-32], hashlib.sha256).digest()
    # Table 140: key nonce, message nonce, block counter, big-endian and from 1
    stream = b""
    for block in range(1, len(body) // 16 + 2):
        cipher = Cipher(AES(encrypting), ECB()).encryptor()  # noqa: S305 - CTR is ECB of the counter blocks
        stream += cipher.update(key_nonce + nonce + struct.pack(">I", block))
    plain = bytes(one ^ other for one, other in zip(body, stream, strict=False))
    assert plain == dataset_message(FRAME, VALUES, 2, ())


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
def test_secured_messages_are_read_with_their_keys(mode: SecurityMode) -> None:
    keys = Keys()
    encoding = _encoding(keys, mode)
    decoder = UadpDecoder(keys=keys, required=mode)
    for number in (1, 2):
        (made,) = encoding.data([FRAME], 10_000)
        read = decoder.decode(made.message.payload)
        assert isinstance(read.payload, tuple)
        assert len(read.payload[0].fields) == 2
        assert read.secured is not None
        assert (read.secured.token, read.secured.sequence, read.secured.encrypted) == (3, number, mode != "Sign")
    (metadata,) = encoding.metadata()
    assert isinstance(decoder.decode(metadata.payload).payload, ReceivedMetaData)
    # Chunks are secured one by one.
    texts = fields_of([DataType.STRING])
    longer = UadpEncoding(SecuredPublisher(keys, mode), IDENTITY, texts, (), UadpSettings())
    chunks = longer.data([frame_of([PlainField(0, DataType.STRING, "x" * 200)])], 200)
    assert len(chunks) > 1
    assert all(decoder.decode(chunk.message.payload).secured for chunk in chunks)


def test_any_byte_changed_is_found() -> None:
    keys = Keys()
    message = _sealed(keys)
    decoder = UadpDecoder(keys=keys, required="SignAndEncrypt")
    for place in range(20, len(message)):
        damaged = bytearray(message)
        damaged[place] ^= 1
        with pytest.raises((InsecureMessage, UnsupportedMessage)):
            decoder.decode(bytes(damaged))


def test_what_is_less_secure_than_it_has_to_be_is_refused() -> None:
    keys = Keys()
    plain = UadpEncoding(publisher(), IDENTITY, FIELDS, (), UadpSettings())
    (unsecured,) = plain.data([FRAME], 10_000)
    required = UadpDecoder(keys=keys, required="Sign")
    with pytest.raises(InsecureMessage, match="Sign is required, and the message is not secured"):
        required.decode(unsecured.message.payload)
    with pytest.raises(InsecureMessage, match="not secured"):
        required.decode(plain.metadata()[0].payload)
    with pytest.raises(InsecureMessage, match="SignAndEncrypt is required, and the message is signed only"):
        UadpDecoder(keys=keys, required="SignAndEncrypt").decode(_sealed(keys, "Sign"))
    required.decode(publisher().status(PubSubState.OPERATIONAL).payload)


def test_keys_that_are_not_known_or_others() -> None:
    message = _sealed(Keys())
    with pytest.raises(InsecureMessage, match="token 3 are not known"):
        UadpDecoder().decode(message)
    with pytest.raises(InsecureMessage, match="token 3 are not known"):
        UadpDecoder(keys=Keys(token=4)).decode(message)
    with pytest.raises(InsecureMessage, match="signature is wrong"):
        UadpDecoder(keys=Keys(seed=2)).decode(message)
    head = message[:15]
    with pytest.raises(InsecureMessage, match="encrypted, but not signed"):
        UadpDecoder(keys=Keys()).decode(head + b"\x02" + message[16:])
    with pytest.raises(UnsupportedMessage, match="nonce of 0 bytes"):
        UadpDecoder(keys=Keys()).decode(head + b"\x03\x03\0\0\0\0" + bytes(40))


def test_keys_of_the_wrong_length_are_refused_and_never_shown() -> None:
    with pytest.raises(ValueError, match="takes 68 bytes of keys, not 67"):
        MessageKeys(1, "PubSub-Aes256-CTR", bytes(67))
    assert "data" not in repr(Keys().keys)


def test_nothing_is_sent_less_secure_than_the_settings_say(tmp_path: Path) -> None:
    given = UadpSettings.model_validate({"security": {"group": "line"}})
    groups = SecurityGroups(tmp_path, SystemClock())
    for known in (None, groups):
        lacking = UadpPublisher("opcua", "line-1", PublisherIdType.String, groups=known)
        with pytest.raises(SettingError, match="there is no SecurityGroup line"):
            UadpEncoding(lacking, IDENTITY, FIELDS, (), given)
    assert given.security is not None
    groups.ensure(given.security)
    there = UadpPublisher("opcua", "line-1", PublisherIdType.String, groups=groups)
    (made,) = UadpEncoding(there, IDENTITY, FIELDS, (), given).data([FRAME], 10_000)
    read = UadpDecoder(keys=GroupKeys(groups, "line"), required="SignAndEncrypt").decode(made.message.payload)
    assert isinstance(read.payload, tuple)
