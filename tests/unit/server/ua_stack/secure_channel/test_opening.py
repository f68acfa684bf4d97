"""OpenSecureChannel against asyncua's side of it: who gets a channel, and with which keys."""

# asyncua's side is untyped, and calls a plain int wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportArgumentType=false, reportPrivateUsage=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asyncua import ua
from asyncua.crypto import security_policies

from certs.verdict import CertificateStatus
from server.ua_stack.channel import GatewayChannel
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel import opening
from server.ua_stack.secure_channel.limits import ChannelLimits
from server.ua_stack.secure_channel.opening import Nonces, RenewalRate
from server.ua_stack.secure_channel.record import ChannelRecord
from server.ua_stack.secure_channel.service import SecureChannels
from tests.unit.server.ua_stack.secure_channel.peer import (
    BASIC,
    ENCRYPT,
    KINDS,
    SIGN,
    Peer,
    TrustAll,
    der,
    identity,
    showing,
)

_codes = ua.StatusCodes
ALL = ("Sign", "SignAndEncrypt")


class Door:
    """An endpoint's channels without its connections; ``told``: what the audit trail was."""

    def __init__(self, *modes: str, trust: TrustAll | None = None, bits: int = 2048) -> None:
        self.told: list[ChannelRecord] = []
        self.trust = trust or TrustAll()
        self.channels = SecureChannels(
            modes or ALL, showing("server", bits), self.trust, ChannelLimits(), self.told.append
        )
        self.channel = self.channels.new_channel("192.0.2.7")
        self.renewals = RenewalRate()

    async def open(self, frame: bytes) -> bytes:
        return await self.channels.open(self.channel, frame, self.renewals)

    async def refused(self, frame: bytes) -> int:
        with pytest.raises(TransportError) as told:
            await self.open(frame)
        record = self.told[-1]
        assert (record.what, record.status, record.peer) == ("refused", told.value.status, "192.0.2.7")
        assert record.reason == str(told.value)
        return told.value.status


@pytest.fixture
async def door() -> AsyncIterator[Callable[..., Door]]:
    made: list[Door] = []

    def make(*modes: str, **more: Any) -> Door:
        made.append(Door(*modes, **more))
        return made[-1]

    yield make
    for one in made:
        await one.channels.stop()


def exchange(door: Door, peer: Peer, message: bytes = b"message") -> None:
    """Send a message each way."""
    answer = door.channel.open_message(peer.channel.message_to_binary(message, request_id=9))
    assert answer == (9, message)
    assert peer.received(door.channel.message_to_binary(message, request_id=9)) == message


@pytest.mark.parametrize("mode", [SIGN, ENCRYPT])
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("ours", "theirs"), [(2048, 2048), (2048, 3072), (3072, 2048)])
async def test_channels_open_and_are_renewed_with_every_policy_and_mode(
    door: Callable[..., Door], name: str, mode: ua.MessageSecurityMode, ours: int, theirs: int
) -> None:
    held = door(bits=ours)
    own = identity("client", theirs)
    peer = Peer(KINDS[name], mode, own=own, server=identity("server", ours)[0])
    told = peer.opened(await held.open(peer.opening(lifetime=120_000)))
    assert told.ResponseHeader.RequestHandle == 7
    assert told.Parameters.SecurityToken.RevisedLifetime == 120_000
    assert told.Parameters.SecurityToken.ChannelId == held.channel.channel_id != 0
    assert len(told.Parameters.ServerNonce) == 32
    assert (held.channel.mode, held.channel.policy_uri) == (int(mode), KINDS[name].URI)
    assert held.channel.client_certificate == der(own[0])
    assert held.channel.client_chain == [der(own[0])]
    assert held.channel.server_certificate == der(identity("server", ours)[0])
    assert not held.channel.discovery_only
    exchange(held, peer)
    algorithm, signature = held.channel.sign(b"data")
    assert algorithm == KINDS[name].AsymmetricSignatureURI
    peer.policy.asymmetric_cryptography.verify(b"data", signature)
    held.channel.verify(b"data", peer.policy.asymmetric_cryptography.signature(b"data"))
    with pytest.raises(TransportError):
        held.channel.verify(b"other", peer.policy.asymmetric_cryptography.signature(b"data"))
    before = told.Parameters.SecurityToken
    again = peer.opened(await held.open(peer.opening(renew=True))).Parameters.SecurityToken
    assert again.ChannelId == before.ChannelId
    assert again.TokenId != before.TokenId
    exchange(held, peer)
    peer.channel.revolve_tokens()
    exchange(held, peer, b"with the new keys")
    assert [one.what for one in held.told] == ["opened", "renewed"]
    record = held.told[0]
    assert (record.policy_uri, record.mode, record.lifetime) == (KINDS[name].URI, int(mode), 120_000)
    assert record.certificate == der(own[0])
    held.channels.closed(held.channel)
    held.channels.closed(held.channel)
    assert [one.what for one in held.told] == ["opened", "renewed", "closed"]
    assert held.told[-1].channel_id == before.ChannelId


async def test_channel_and_token_numbers_are_not_guessed_and_nonces_not_repeated(door: Callable[..., Door]) -> None:
    seen: set[int] = set()
    held = door("None")
    for _ in range(50):
        held.channel = held.channels.new_channel("192.0.2.7")
        peer = Peer()
        token = peer.opened(await held.open(peer.opening())).Parameters.SecurityToken
        seen |= {int(token.ChannelId), int(token.TokenId)}
    assert len(seen) == 100
    assert max(seen) > 1 << 24, "they do not count up from one"


@pytest.mark.parametrize(("asked", "told"), [(2**32 - 1, 3_600_000), (0, 60_000), (1000, 60_000), (90_000, 90_000)])
async def test_threat_23_the_lifetime_is_clamped_and_told(door: Callable[..., Door], asked: int, told: int) -> None:
    held, peer = door("None"), Peer()
    token = peer.opened(await held.open(peer.opening(lifetime=asked))).Parameters.SecurityToken
    assert token.RevisedLifetime == told
    assert held.channel.tokens is not None
    assert held.channel.tokens.current.lifetime == told / 1000


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


async def test_threat_23_an_expired_token_is_refused(
    door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(opening, "time", clock)
    monkeypatch.setattr("server.ua_stack.channel.time", clock)
    held, peer = door(), Peer(BASIC)
    peer.opened(await held.open(peer.opening(lifetime=100_000)))
    clock.now += 124.0  # Part 4 v1.05 5.6.2.1: 25 % longer than it lasts
    exchange(held, peer)
    clock.now += 2.0
    with pytest.raises(TransportError) as told:
        exchange(held, peer)
    assert told.value.status == _codes.BadSecureChannelTokenUnknown


async def test_once_a_token_has_expired_we_send_with_the_one_that_follows(
    door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that waits for our new token, as asyncua's does, would wait for ever."""
    clock = Clock()
    monkeypatch.setattr(opening, "time", clock)
    monkeypatch.setattr("server.ua_stack.channel.time", clock)
    held, peer = door(), Peer(BASIC)
    first = peer.opened(await held.open(peer.opening(lifetime=100_000))).Parameters.SecurityToken.TokenId
    clock.now += 75.0
    second = peer.opened(await held.open(peer.opening(renew=True, lifetime=100_000))).Parameters.SecurityToken.TokenId
    assert token_of(held.channel) == first
    clock.now += 26.0
    assert token_of(held.channel) == second
    assert held.channel.tokens is not None
    exchange(held, peer)  # the client still uses the first
    assert held.channel.tokens.current.number == first
    exchange(held, peer)  # and the second, since it has seen ours
    assert held.channel.tokens.current.number == second


def token_of(channel: GatewayChannel) -> int:
    """Give the token that we send with."""
    frame = channel.message_to_binary(b"x", request_id=1)
    channel._sequence -= 1  # as if that had not been sent
    return int.from_bytes(frame[12:16], "little")


async def test_threat_01_a_policy_or_mode_that_is_not_configured_is_refused(door: Callable[..., Door]) -> None:
    held = door("SignAndEncrypt")
    assert await held.refused(Peer(BASIC, SIGN).opening()) == _codes.BadSecurityModeRejected
    assert held.told[-1].mode == 2
    held = door("None")
    assert await held.refused(Peer(BASIC).opening()) == _codes.BadSecurityPolicyRejected
    held = door("Sign")
    assert await held.refused(Peer(BASIC).opening()) == _codes.BadSecurityModeRejected


async def test_threat_01_none_that_is_not_configured_is_for_discovery_alone(door: Callable[..., Door]) -> None:
    for modes, discovery_only in ((("SignAndEncrypt",), True), (("None", "Sign"), False)):
        held, peer = door(*modes), Peer()
        peer.opened(await held.open(peer.opening()))
        assert held.channel.discovery_only is discovery_only
        assert (held.channel.mode, held.channel.sign(b"x")) == (1, ("", b""))


async def test_threat_01_a_mode_that_does_not_go_with_the_policy_is_refused(door: Callable[..., Door]) -> None:
    def encrypt(request: ua.OpenSecureChannelRequest) -> None:
        request.Parameters.SecurityMode = ENCRYPT

    def none(request: ua.OpenSecureChannelRequest) -> None:
        request.Parameters.SecurityMode = ua.MessageSecurityMode.None_

    assert await door("None").refused(Peer().opening(change=encrypt)) == _codes.BadSecurityModeRejected
    held = door("None", "SignAndEncrypt")
    assert await held.refused(Peer(BASIC).opening(change=none)) == _codes.BadSecurityModeRejected


async def test_threat_02_a_certificate_on_a_channel_of_none_is_nobodys(door: Callable[..., Door]) -> None:
    held, peer = door("None"), Peer()
    admin = der(identity("client")[0])
    peer.policy.host_certificate, peer.policy.host_certificate_chain = admin, []
    peer.policy.Mode = ENCRYPT  # so that asyncua sends it

    def none(request: ua.OpenSecureChannelRequest) -> None:
        request.Parameters.SecurityMode = ua.MessageSecurityMode.None_

    frame = peer.opening(change=none)
    assert admin in frame
    await held.open(frame)
    assert held.channel.client_certificate is None
    assert held.channel.client_chain == []
    assert held.trust.asked == 0


async def test_threat_02_a_public_certificate_without_its_key_opens_nothing(door: Callable[..., Door]) -> None:
    held = door()
    stolen = identity("client")[0], identity("thief")[1]
    assert await held.refused(Peer(BASIC, own=stolen).opening()) == _codes.BadSecurityChecksFailed
    assert held.channel.client_certificate is None
    assert held.channel.tokens is None


@pytest.mark.parametrize("name", ["SecurityPolicyBasic128Rsa15", "SecurityPolicyBasic256"])
async def test_threat_21_deprecated_policies_are_not_there(door: Callable[..., Door], name: str) -> None:
    held = door()
    assert await held.refused(Peer(getattr(security_policies, name)).opening()) == _codes.BadSecurityPolicyRejected
    assert held.trust.asked == 0, "nothing was spent on it"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (CertificateStatus.UNTRUSTED, _codes.BadSecurityChecksFailed),
        (CertificateStatus.TIME_INVALID, _codes.BadCertificateTimeInvalid),
        (CertificateStatus.REVOKED, _codes.BadSecurityChecksFailed),
    ],
)
async def test_threat_22_who_is_not_trusted_is_refused_before_anything_is_decrypted(
    door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch, status: CertificateStatus, told: int
) -> None:
    def spent(*_: object) -> None:
        pytest.fail("the private key was used")

    monkeypatch.setattr(opening.asymmetric, "unseal", spent)
    client = der(identity("client")[0])
    held = door(trust=TrustAll(client, status=status))
    assert await held.refused(Peer(BASIC).opening()) == told
    record = held.told[-1]
    assert record.certificate == client
    assert record.verdict is not None
    assert record.verdict.status is status


async def test_threat_22_one_that_is_trusted_no_longer_is_not_renewed(door: Callable[..., Door]) -> None:
    held, peer = door(), Peer(BASIC)
    peer.opened(await held.open(peer.opening()))
    peer.opened(await held.open(peer.opening(renew=True)))
    held.trust.refused, held.trust.stamp = (der(identity("client")[0]),), 2.0
    assert await held.refused(peer.opening(renew=True)) == _codes.BadSecurityChecksFailed


async def test_verdicts_are_asked_for_once_for_many_handshakes(door: Callable[..., Door]) -> None:
    held = door()
    for _ in range(20):
        held.channel = held.channels.new_channel("192.0.2.7")
        peer = Peer(BASIC)
        peer.opened(await held.open(peer.opening()))
    assert held.trust.asked == 1
    held.trust.stamp = 2.0
    held.channel = held.channels.new_channel("192.0.2.7")
    await held.open(Peer(BASIC).opening())
    assert held.trust.asked == 2


async def test_a_certificate_of_another_server_is_refused(door: Callable[..., Door]) -> None:
    held = door()
    assert await held.refused(Peer(BASIC, server=identity("other")[0]).opening()) == _codes.BadCertificateInvalid


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64, 200])
async def test_a_nonce_of_another_length_is_refused(door: Callable[..., Door], size: int) -> None:
    def nonce(request: ua.OpenSecureChannelRequest) -> None:
        request.Parameters.ClientNonce = bytes(size)

    assert await door().refused(Peer(BASIC).opening(change=nonce)) == _codes.BadNonceInvalid


async def test_a_nonce_that_was_used_is_refused(door: Callable[..., Door]) -> None:
    """Also one that was overheard: the chunk is played again on a connection of its own."""
    held, peer = door(), Peer(BASIC)
    frame = peer.opening()
    await held.open(frame)
    held.channel = held.channels.new_channel("192.0.2.7")
    assert await held.refused(frame) == _codes.BadNonceInvalid


def test_nonces_are_remembered_within_bounds() -> None:
    nonces = Nonces(3)
    for one in (b"1", b"2", b"3", b"4"):
        nonces.take(one)
    nonces.take(b"1")
    with pytest.raises(TransportError):
        nonces.take(b"4")


async def test_a_renewal_keeps_policy_mode_and_certificate(door: Callable[..., Door]) -> None:
    async def opened() -> tuple[Door, Peer]:
        held, peer = door(), Peer(BASIC)
        peer.opened(await held.open(peer.opening()))
        return held, peer

    def as_(peer: Peer, other: Peer) -> bytes:
        other.channel.security_token.ChannelId = peer.channel.security_token.ChannelId
        other.channel._sequence_number = peer.channel._sequence_number
        return other.opening(renew=True)

    held, peer = await opened()
    assert await held.refused(as_(peer, Peer(KINDS["Aes256_Sha256_RsaPss"]))) == _codes.BadSecurityChecksFailed
    held, peer = await opened()
    assert await held.refused(as_(peer, Peer(BASIC, own=identity("another")))) == _codes.BadSecurityChecksFailed
    held, peer = await opened()
    assert await held.refused(as_(peer, Peer(BASIC, SIGN))) == _codes.BadSecurityModeRejected
    held, peer = await opened()
    assert await held.refused(as_(peer, Peer())) == _codes.BadSecurityChecksFailed
    held, peer = await opened()
    assert await held.refused(peer.opening()) == _codes.BadSecurityChecksFailed  # a second Issue
    held, peer = await opened()
    assert await held.refused(Peer(BASIC).opening(renew=True)) == _codes.BadSecureChannelIdInvalid
    held = door()
    assert await held.refused(Peer(BASIC).opening(renew=True)) == _codes.BadSecurityChecksFailed


async def test_threat_20_a_flood_of_renewals_is_refused(door: Callable[..., Door]) -> None:
    held, peer = door(), Peer(BASIC)
    peer.opened(await held.open(peer.opening()))
    for _ in range(10):
        peer.opened(await held.open(peer.opening(renew=True)))
    assert await held.refused(peer.opening(renew=True)) == _codes.BadTcpServerTooBusy


async def test_what_is_sent_while_a_renewal_is_in_the_making_follows_it(door: Callable[..., Door]) -> None:
    held, peer = door(), Peer(BASIC)
    peer.opened(await held.open(peer.opening()))
    sent: list[bytes] = []
    seal = opening.asymmetric.seal

    def slowly(*given: Any) -> bytes:
        sent.append(held.channel.message_to_binary(b"published", request_id=3))
        return seal(*given)

    opening.asymmetric.seal = slowly
    try:
        answer = await held.open(peer.opening(renew=True))
    finally:
        opening.asymmetric.seal = seal
    assert sent == [b""]
    size = int.from_bytes(answer[4:8], "little")
    peer.opened(answer[:size])
    assert peer.received(answer[size:]) == b"published"


@pytest.mark.parametrize("where", range(0, 700, 23))
async def test_no_flipped_bit_opens_a_channel(door: Callable[..., Door], where: int) -> None:
    frame = bytearray(Peer(BASIC).opening())
    at = 12 + where % (len(frame) - 12)
    frame[at] ^= 1
    held = door()
    await held.refused(bytes(frame))
    assert held.channel.tokens is None


async def test_a_cut_or_lengthened_chunk_opens_no_channel(door: Callable[..., Door]) -> None:
    frame = Peer(BASIC).opening()
    for changed in (
        frame[:-1],
        frame[:-256],
        frame + b"\x00",
        frame + bytes(256),
        frame[:-512],
        frame + bytes(256 * 40),
    ):
        await door().refused(changed)
    assert await door().refused(frame + bytes(33_000)) == _codes.BadTcpMessageTooLarge


async def test_short_and_long_keys_are_refused(door: Callable[..., Door]) -> None:
    held = door()
    assert await held.refused(Peer(BASIC, own=identity("weak", 1024)).opening()) == _codes.BadSecurityChecksFailed


async def test_too_many_handshakes_at_once_are_refused(door: Callable[..., Door]) -> None:
    held = door()
    held.channels._thread._most = 0
    assert await held.refused(Peer(BASIC).opening()) == _codes.BadTcpServerTooBusy


async def test_a_handshake_that_takes_too_long_is_given_up(door: Callable[..., Door]) -> None:
    held = door()
    held.channels._thread._seconds = 0.0
    assert await held.refused(Peer(BASIC).opening()) == _codes.BadTimeout


async def test_refusals_beyond_some_are_counted(door: Callable[..., Door]) -> None:
    held = door("SignAndEncrypt")
    frame = Peer(BASIC, SIGN).opening()[:50]
    for _ in range(70):
        with pytest.raises(TransportError):
            await held.open(frame)
    assert len(held.told) == 50
    held.channels._refusals_until = 0.0
    with pytest.raises(TransportError):
        await held.open(frame)
    assert held.told[-1].unreported == 20
