"""The forwarder against receivers that listen on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.audit.entry import NO_HASH, chain, digest, keep
from server.audit.forwarder import SyslogForwarder
from server.audit.syslog_target import SyslogTarget
from server.audit.trail import AuditTrail
from server.audit.trail_file import Written
from tests.unit.server.audit.samples import URIS, write
from tests.waiting import until


class Receiver:
    """Takes frames of counted octets (RFC 6587 3.4.1)."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.messages: list[bytes] = []
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await self._server.wait_closed()
        await until(lambda: not self._writers)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                length = int(await reader.readuntil(b" "))
                self.messages.append(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._writers.discard(writer)

    @property
    def sequences(self) -> list[int]:
        return [int(one.split(b'sequence="')[1].split(b'"')[0]) for one in self.messages if b"sequence=" in one]


def records(first: int, last: int) -> list[Written]:
    found: list[Written] = []
    for sequence in range(first, last + 1):
        record = chain(keep(write(float(sequence)), 133_000_000_000_000_000, "", URIS), sequence, NO_HASH)
        found.append(Written(sequence, digest(record), record))
    return found


@pytest.fixture
async def receiver(free_port: Callable[[], int]) -> AsyncIterator[Receiver]:
    made = Receiver()
    made.port = free_port()  # nobody takes it while the receiver is away
    await made.start()
    yield made
    await made.stop()


def forwarder(port: int, transport: str = "tcp", **more: object) -> SyslogForwarder:
    target = SyslogTarget.parse(f"{transport}://127.0.0.1:{port}")
    made = SyslogForwarder(target, "line-1", host="gateway", **more)  # type: ignore[arg-type]  # its own options
    made._backoff.longest = 0.2
    return made


async def test_what_the_trail_writes_arrives_over_tcp(receiver: Receiver, tmp_path: Path) -> None:
    forwarding = forwarder(receiver.port)
    trail = AuditTrail(tmp_path, "line-1", uris=lambda: URIS)
    trail.on_written(forwarding.offer)
    await forwarding.start()
    await trail.start()
    for number in range(100):
        trail.record(write(float(number)))
    await trail.stop()
    await until(lambda: len(receiver.messages) == 103)
    await forwarding.stop()
    await forwarding.stop()
    assert receiver.sequences == list(range(103))
    assert (forwarding.forwarded, forwarding.lost, forwarding.waiting) == (103, 0, 0)


async def test_udp_datagrams_hold_a_message_each() -> None:
    messages: list[bytes] = []

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            del addr
            messages.append(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    forwarding = forwarder(transport.get_extra_info("sockname")[1], "udp")
    await forwarding.start()
    forwarding.offer(records(0, 2))
    await until(lambda: len(messages) == 3)
    await forwarding.stop()
    transport.close()
    assert all(one.startswith(b"<109>1 2022-06-18T04:26:40Z gateway plantspace line-1 ") for one in messages)


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "receiver.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return file


async def test_tls_goes_to_the_receiver_that_is_trusted_and_to_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = _certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    receiver = Receiver(serving)
    await receiver.start()
    stranger = forwarder(receiver.port, "tls")
    await stranger.start()
    stranger.offer(records(0, 0))
    await until(lambda: "cannot be forwarded" in caplog.text)
    await stranger.stop()
    assert not receiver.messages
    trusting = forwarder(receiver.port, "tls", tls=ssl.create_default_context(cafile=file))
    await trusting.start()
    trusting.offer(records(0, 49))
    await until(lambda: len(receiver.messages) == 50)
    await trusting.stop()
    await receiver.stop()
    assert receiver.sequences == list(range(50))


async def test_records_wait_for_a_receiver_that_is_away(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    forwarding = forwarder(receiver.port)
    await forwarding.start()
    forwarding.offer(records(0, 4))
    await until(lambda: len(receiver.messages) == 5)
    await receiver.stop()
    forwarding.offer(records(5, 60))
    await until(lambda: "cannot be forwarded" in caplog.text)
    await receiver.start()
    await until(lambda: receiver.sequences[-1] == 60)
    await forwarding.stop()
    assert sorted(set(receiver.sequences)) == list(range(61))
    assert caplog.text.count("cannot be forwarded") <= 2


async def test_of_too_many_the_oldest_are_passed_over_and_that_is_told(
    receiver: Receiver, free_port: Callable[[], int]
) -> None:
    forwarding = forwarder(free_port(), room=10)
    await forwarding.start()
    forwarding.offer(records(0, 29))
    await until(lambda: forwarding.lost == 20)
    assert forwarding.waiting == 10
    forwarding.target = SyslogTarget.parse(f"tcp://127.0.0.1:{receiver.port}")
    await until(lambda: len(receiver.messages) == 11)
    await forwarding.stop()
    assert b'lost="20"' in receiver.messages[0]
    assert receiver.sequences == list(range(20, 30))


async def test_offering_to_one_that_is_not_running_does_nothing(free_port: Callable[[], int]) -> None:
    forwarding = forwarder(free_port())
    forwarding.offer(records(0, 3))
    await forwarding.stop()
    assert forwarding.waiting == 0
