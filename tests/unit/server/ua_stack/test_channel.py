"""Our side of a secure channel against asyncua's, by policy and mode; what no channel may accept (threats 9 and 20)."""

# asyncua's side is untyped, and its sequence numbers are reached inside.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from struct import pack, pack_into
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.connection import MessageChunk, SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto import security_policies
from asyncua.ua.ua_binary import header_from_binary
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.security_mode import SecurityMode
from server.ua_stack.channel import KNOWN_PEER, UNKNOWN_PEER, Client, GatewayChannel, Security
from server.ua_stack.frames import FrameBuffer, TransportError
from server.ua_stack.secure_channel.admission import UnfinishedBytes
from server.ua_stack.secure_channel.identities import ServerIdentity
from server.ua_stack.secure_channel.limits import MOST_CHUNKS
from server.ua_stack.secure_channel.messages import Hello
from server.ua_stack.secure_channel.opening import new_token
from server.ua_stack.secure_channel.suites import SUITES

SIGN, ENCRYPT = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt
POLICIES = {
    "None": (None, ua.MessageSecurityMode.None_),
    "Basic256Sha256 Sign": (security_policies.SecurityPolicyBasic256Sha256, SIGN),
    "Basic256Sha256 SignAndEncrypt": (security_policies.SecurityPolicyBasic256Sha256, ENCRYPT),
    "Aes128 Sign": (security_policies.SecurityPolicyAes128Sha256RsaOaep, SIGN),
    "Aes128 SignAndEncrypt": (security_policies.SecurityPolicyAes128Sha256RsaOaep, ENCRYPT),
    "Aes256 SignAndEncrypt": (security_policies.SecurityPolicyAes256Sha256RsaPss, ENCRYPT),
}
SECURED = [name for name in POLICIES if name != "None"]
BUFFER = 8192


@cache
def identity(name: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=10_000))
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def policy(name: str) -> Any:
    """Give asyncua's policy of the client."""
    kind, mode = POLICIES[name]
    if kind is None:
        return security_policies.SecurityPolicyNone()
    return kind(identity("server")[0], *identity("client"), mode)


def security(name: str) -> Security:
    """Give ours."""
    kind, mode = POLICIES[name]
    if kind is None:
        return Security()
    certificate, key = identity("client")
    client = Client([certificate.public_bytes(Encoding.DER)], key.public_key())
    return Security(SecurityMode(mode), SUITES[kind.URI], ServerIdentity.of(*identity("server")), client)


class Channels:
    """Both ends of an open channel. ``sent`` gives the chunks of what one of them writes."""

    def __init__(self, name: str, *, most_bytes: int = 0, most_chunks: int = 0) -> None:
        self.name = name
        self.security = security(name)
        self.budget = UnfinishedBytes(4 * KNOWN_PEER)
        self.server = GatewayChannel("127.0.0.1", self.budget)
        self.server.greeted(Hello(BUFFER, BUFFER, most_bytes, most_chunks, "opc.tcp://plant"))
        self.client = SecureConnection(policy(name), TransportLimits(BUFFER, BUFFER, 0, 0))
        self._agree(ua.SecurityTokenRequestType.Issue)

    def _agree(self, kind: ua.SecurityTokenRequestType, lifetime: int = 3_600_000) -> None:
        size = self.client.security_policy.secure_channel_nonce_length
        theirs, ours = ua.utils.create_nonce(size), ua.utils.create_nonce(size)
        token = new_token(self.security, theirs, ours, lifetime, frozenset())
        if self.server.tokens is None:
            self.server.opened(5, self.security, token)
        else:
            self.server.tokens.renew(token)
        told = ua.OpenSecureChannelResult(ServerNonce=ours)
        told.SecurityToken = ua.ChannelSecurityToken(5, token.number, datetime.now(UTC), lifetime)
        self.client.set_channel(told, kind, theirs)

    @property
    def token(self) -> int:
        """The TokenId in use."""
        assert self.server.tokens is not None
        return self.server.tokens.current.number

    def renew(self) -> None:
        """Agree on new keys, which the client uses from now on."""
        self._agree(ua.SecurityTokenRequestType.Renew)
        self.client.revolve_tokens()

    @property
    def room(self) -> int:
        return MessageChunk.max_body_size(self.client.security_policy.symmetric_cryptography, BUFFER)

    def request(self, message: bytes, request_id: int = 1) -> list[bytes]:
        return frames(self.client.message_to_binary(message, request_id=request_id))

    def answered(self, message: bytes, request_id: int = 1) -> tuple[int, bytes]:
        """Send a message from the server to the client."""
        got: Any = None
        for frame in frames(self.server.message_to_binary(message, request_id=request_id)):
            body = Buffer(frame)
            got = self.client.receive_from_header_and_body(header_from_binary(body), body)
        return got.SequenceHeader().RequestId, bytes(got.body().read(len(got.body())))

    def chunk(self, kind: bytes, part: bytes, request_id: int = 1) -> bytes:
        """Make one chunk of the client's, of any kind."""
        client = self.client
        made = MessageChunk(client.security_policy.symmetric_cryptography, part)
        made.MessageHeader.ChunkType, made.MessageHeader.ChannelId = kind, client.security_token.ChannelId
        made.SecurityHeader.TokenId = client.security_token.TokenId  # type: ignore[union-attr]  # a symmetric one
        client._sequence_number += 1
        made.SequenceHeader.SequenceNumber = ua.UInt32(client._sequence_number)
        made.SequenceHeader.RequestId = ua.UInt32(request_id)
        return made.to_binary()


def frames(stream: bytes) -> list[bytes]:
    return list(FrameBuffer(BUFFER).feed(stream))


def opened(channel: GatewayChannel, chunks: list[bytes]) -> tuple[int, bytes]:
    """Open a message of these chunks, the last of which completes it."""
    *first, last = [channel.open_message(chunk) for chunk in chunks]
    assert first == [None] * len(first)
    assert last is not None
    return last


def refused(channel: GatewayChannel, frame: bytes) -> int:
    with pytest.raises(TransportError) as told:
        channel.open_message(frame)
    return told.value.status


@pytest.mark.parametrize("name", POLICIES)
def test_messages_of_every_size_go_both_ways(name: str) -> None:
    held = Channels(name)
    room = held.room
    assert held.server.tokens is not None
    ours = held.server._room(held.server.tokens.current)
    assert room <= ours < room + 32, "asyncua fills blocks of AES-256 up to 32 bytes, and 16 are enough"
    for number, size in enumerate((1, 2, 15, 16, 17, 100, room - 1, room, room + 1, 2 * room, 3 * room, 3 * room + 7)):
        message = bytes(position % 251 for position in range(size))
        chunks = held.request(message, number)
        assert len(chunks) == -(-size // room)
        assert opened(held.server, chunks) == (number, message)
        written = frames(held.server.message_to_binary(message, request_id=number))
        assert len(written) == -(-size // ours)
        assert all(len(chunk) <= BUFFER for chunk in written)
        held.server._sequence -= len(written)  # as if that had not been sent
        assert held.answered(message, number) == (number, message)
    assert held.answered(b"", 99) == (99, b"")
    assert held.server.open_message(held.chunk(b"F", b"", 98)) == (98, b"")


@given(st.lists(st.binary(min_size=1, max_size=20_000), max_size=4), st.sampled_from(list(POLICIES)))
def test_any_messages_go_both_ways(messages: list[bytes], name: str) -> None:
    held = Channels(name)
    for number, message in enumerate(messages):
        assert opened(held.server, held.request(message, number)) == (number, message)
        assert held.answered(message, number) == (number, message)


@pytest.mark.parametrize("name", POLICIES)
def test_messages_flow_while_the_channel_is_renewed(name: str) -> None:
    # Part 4 v1.05 5.6.2.1: until the client uses the new keys, the server does not either
    held = Channels(name)
    for number in range(3):
        token = held.token
        before = held.request(b"before", number)
        held.renew()
        assert opened(held.server, before) == (number, b"before")
        assert held.answered(b"with the keys before", number) == (number, b"with the keys before")
        assert held.token == token
        assert opened(held.server, held.request(b"after", number)) == (number, b"after")
        assert held.token == held.client.security_token.TokenId != token
        assert held.answered(b"with the new keys", number) == (number, b"with the new keys")


@pytest.mark.parametrize("name", POLICIES)
def test_a_message_may_go_on_with_the_keys_of_the_renewed_channel(name: str) -> None:
    held = Channels(name)
    first = held.chunk(b"C", b"one ", 7)
    assert held.server.open_message(first) is None
    held.renew()
    assert held.server.open_message(held.chunk(b"F", b"two", 7)) == (7, b"one two")


@pytest.mark.parametrize("name", SECURED)
def test_threat_20_the_old_token_is_no_more_once_the_new_one_was_used(name: str) -> None:
    held = Channels(name)
    late = held.chunk(b"F", b"late")
    held.client._sequence_number -= 1
    held.renew()
    opened(held.server, held.request(b"new"))
    assert refused(held.server, late) == ua.StatusCodes.BadSecureChannelTokenUnknown


def _channel(frame: bytearray) -> None:
    pack_into("<I", frame, 8, 999)


def _token(frame: bytearray) -> None:
    pack_into("<I", frame, 12, 999)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize(
    ("change", "status"),
    [
        (_channel, ua.StatusCodes.BadSecureChannelIdInvalid),
        (_token, ua.StatusCodes.BadSecureChannelTokenUnknown),
    ],
)
def test_another_channel_or_token_ends_the_connection(
    name: str, change: Callable[[bytearray], None], status: int
) -> None:
    held = Channels(name)
    changed = bytearray(held.chunk(b"F", b"message"))
    change(changed)
    assert refused(held.server, bytes(changed)) == status


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("step", [-2, -1, 1, 1000])
def test_threat_20_a_wrong_sequence_number_ends_the_connection(name: str, step: int) -> None:
    held = Channels(name)
    for _ in range(3):
        opened(held.server, held.request(b"good"))
    held.client._sequence_number += step
    assert refused(held.server, held.chunk(b"F", b"message")) == ua.StatusCodes.BadSecurityChecksFailed


@pytest.mark.parametrize("name", POLICIES)
def test_a_chunk_that_comes_twice_ends_the_connection(name: str) -> None:
    held = Channels(name)
    frame = held.chunk(b"F", b"message")
    held.server.open_message(frame)
    assert refused(held.server, frame) == ua.StatusCodes.BadSecurityChecksFailed


def test_sequence_numbers_wrap_below_1024_and_nowhere_else() -> None:
    # Part 6 v1.05 6.7.2.4: not before UInt32.MaxValue - 1024, and then to less than 1024
    held = Channels("None")
    last = 2**32 - 1024
    for before, following, fine in (
        (last, 1, True),
        (last, 1023, True),
        (last, 0, True),
        (last, 1024, False),
        (last, last + 1, True),
        (2**32 - 1, 5, True),
        (last - 1, 1, False),
    ):
        held.server._peer_sequence = before
        held.client._sequence_number = following - 1
        frame = held.chunk(b"F", b"message")
        if fine:
            assert held.server.open_message(frame) == (1, b"message")
        else:
            assert refused(held.server, frame) == ua.StatusCodes.BadSecurityChecksFailed
    held.server._sequence = held.client._peer_sequence_number = last - 1  # and ours as the client expects
    for _ in range(3):
        assert held.answered(b"message") == (1, b"message")
    assert held.server._sequence == 2


@pytest.mark.parametrize("name", POLICIES)
def test_chunks_of_two_messages_are_never_mixed(name: str) -> None:
    held = Channels(name)
    assert held.server.open_message(held.chunk(b"C", b"one", 1)) is None
    assert refused(held.server, held.chunk(b"F", b"two", 2)) == ua.StatusCodes.BadSecurityChecksFailed


@pytest.mark.parametrize("name", POLICIES)
def test_a_message_that_is_given_up_is_forgotten_and_the_channel_goes_on(name: str) -> None:
    # Part 6 v1.05 6.7.3
    held = Channels(name)
    for _ in range(2):
        assert held.server.open_message(held.chunk(b"C", b"one", 1)) is None
        assert held.server.open_message(held.chunk(b"A", pack("<Ii", 0x80000000, -1), 1)) is None
    assert held.server.open_message(held.chunk(b"A", pack("<Ii", 0x80000000, -1), 1)) is None
    assert held.server.open_message(held.chunk(b"F", b"two", 2)) == (2, b"two")


def test_threat_09_chunks_without_an_end_are_bounded_by_count_and_by_size() -> None:
    held = Channels("None")
    for _ in range(MOST_CHUNKS):
        assert held.server.open_message(held.chunk(b"C", b"0123456789", 1)) is None
    assert refused(held.server, held.chunk(b"C", b"x", 1)) == ua.StatusCodes.BadTcpMessageTooLarge
    held = Channels("None")
    held.server.largest = 40
    for _ in range(4):
        assert held.server.open_message(held.chunk(b"C", b"0123456789", 1)) is None
    assert refused(held.server, held.chunk(b"C", b"x", 1)) == ua.StatusCodes.BadTcpMessageTooLarge
    held = Channels("None")
    held.server.largest = 40
    assert opened(held.server, [held.chunk(kind, b"0123456789", 1) for kind in (b"C", b"C", b"C", b"F")])[0] == 1
    assert refused(held.server, held.chunk(b"F", bytes(41), 1)) == ua.StatusCodes.BadTcpMessageTooLarge


def test_threat_09_what_is_unfinished_is_counted_over_all_connections_and_given_back() -> None:
    held = Channels("None")
    for end in (b"A", b"F"):
        held.server.open_message(held.chunk(b"C", bytes(1000), 1))
        held.server.open_message(held.chunk(b"C", bytes(1000), 1))
        assert held.budget.held == 2000
        held.server.open_message(held.chunk(end, bytes(8), 1))
        assert held.budget.held == 0
    held.server.open_message(held.chunk(b"C", bytes(1000), 1))
    held.server.close()
    assert held.budget.held == 0
    held = Channels("None")
    held.budget.take(4 * KNOWN_PEER - 500, known=True)
    assert refused(held.server, held.chunk(b"C", bytes(1000), 1)) == ua.StatusCodes.BadTcpNotEnoughResources


def test_threat_09_who_has_not_logged_in_may_send_64_kib_and_no_more() -> None:
    held = Channels("None")
    part = bytes(BUFFER - 100)
    for _ in range(UNKNOWN_PEER // len(part)):
        assert held.server.open_message(held.chunk(b"C", part, 1)) is None
    assert refused(held.server, held.chunk(b"C", part, 1)) == ua.StatusCodes.BadTcpMessageTooLarge
    held = Channels("None")
    held.server.largest = KNOWN_PEER
    chunks = [held.chunk(b"C", part, 1) for _ in range(20)]
    assert opened(held.server, [*chunks, held.chunk(b"F", b"end", 1)])[0] == 1


def test_a_message_before_the_channel_is_open_ends_the_connection() -> None:
    held = Channels("None")
    closed = GatewayChannel()
    frame = held.chunk(b"F", b"message")
    assert refused(closed, frame) == ua.StatusCodes.BadSecureChannelIdInvalid
    zeros = b"MSGF" + pack("<IIIII", 28, 0, 0, 1, 1) + b"body"  # threat 1: channel 0, token 0
    assert refused(closed, zeros) == ua.StatusCodes.BadSecureChannelIdInvalid
    held.server.close()
    assert refused(held.server, frame) == ua.StatusCodes.BadSecureChannelIdInvalid


@pytest.mark.parametrize("name", POLICIES)
def test_a_chunk_that_is_cut_ends_the_connection(name: str) -> None:
    """Whole blocks or not: nothing but a TransportError, which says no more than that."""
    whole = Channels(name)
    frame = whole.chunk(b"F", b"some message")
    for size in range(9, len(frame) if name != "None" else 24):
        cut = frame[:4] + pack("<I", size) + frame[8:size]
        with pytest.raises(TransportError):
            whole.server.open_message(cut)
    assert whole.server.open_message(frame) == (1, b"some message")


@pytest.mark.parametrize("name", SECURED)
def test_a_signed_chunk_without_anything_in_it_ends_the_connection(name: str) -> None:
    """Its client knows the keys, so the signature holds; there are no headers, or nothing but padding."""
    held = Channels(name)
    crypto: Any = held.client.security_policy.symmetric_cryptography
    block = crypto.plain_block_size()
    empties = [b"", bytes([255]) * (2 * block)]
    for plain in empties:
        size = len(plain) + crypto.signature_size()
        whole = plain + bytes(-size % block)
        token = held.client.security_token
        total = 16 + len(whole) + crypto.signature_size()
        header = b"MSGF" + pack("<III", total, token.ChannelId, token.TokenId)
        frame = header + crypto.encrypt(whole + crypto.signature(header + whole))
        with pytest.raises(TransportError):
            held.server.open_message(frame)


@cache
def _shared(name: str) -> Channels:
    return Channels(name)


@given(st.sampled_from(SECURED), st.binary(min_size=1, max_size=60), st.integers(min_value=0), st.integers(0, 7))
def test_no_flipped_bit_is_ever_accepted_under_a_signature(name: str, message: bytes, where: int, bit: int) -> None:
    held = _shared(name)
    frame = bytearray(held.chunk(b"F", message))
    genuine = bytes(frame)
    frame[where % len(frame)] ^= 1 << bit
    with pytest.raises(TransportError):
        held.server.open_message(bytes(frame))
    assert held.server.open_message(genuine) == (1, message), "what was refused has changed nothing"


@given(st.sampled_from(list(POLICIES)), st.binary(max_size=200))
def test_whatever_follows_a_header_there_is_nothing_but_a_transport_error(name: str, rest: bytes) -> None:
    held = _shared(name)
    frame = b"MSGF" + pack("<III", 16 + len(rest), held.server.channel_id, held.token) + rest
    before = held.server._peer_sequence
    try:
        held.server.open_message(frame)
    except TransportError:
        return
    assert name == "None"
    held.server._peer_sequence = before


def test_how_large_an_answer_the_client_takes() -> None:
    # Part 6 v1.05 7.1.2.3: MaxMessageSize and MaxChunkCount of Hello are of responses
    held = Channels("None", most_chunks=2)
    room = held.room
    assert held.server.fits(2 * room)
    assert not held.server.fits(2 * room + 1)
    held = Channels("Basic256Sha256 SignAndEncrypt", most_bytes=10_000)
    assert held.server.fits(10_000)
    assert not held.server.fits(10_001)
    assert Channels("None").server.fits(1 << 40)
