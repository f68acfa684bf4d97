"""What all secure channels of the endpoint share, and what happens to those that are refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from asyncua.ua.status_codes import StatusCodes

from certs.verdict import Verdict
from server.ua_stack.channel import GatewayChannel
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.admission import Admission, UnfinishedBytes
from server.ua_stack.secure_channel.gate import CertificateGate, Trust
from server.ua_stack.secure_channel.identities import Identities
from server.ua_stack.secure_channel.limits import ChannelLimits
from server.ua_stack.secure_channel.opening import ChannelOpening, RenewalRate
from server.ua_stack.secure_channel.policies import Policies
from server.ua_stack.secure_channel.record import ChannelRecord, OnChannel, unheard
from server.ua_stack.secure_channel.threads import ChannelThread
from server.ua_stack.secure_channel.trust_following import ClientConnection, TrustFollower

_log = logging.getLogger("plantspace.endpoint")
_MOST_REFUSALS = 50
_REFUSALS_WITHIN = 10.0


class SecureChannels:
    """Opens channels. ``policies`` tells what is offered, ``identities`` with which certificates."""

    def __init__(
        self,
        modes: Sequence[str],
        identities: Identities,
        trust: Trust | None,
        limits: ChannelLimits | None = None,
        on_channel: OnChannel = unheard,
    ) -> None:
        """``modes``: as configured; ``trust``: judges clients, None where nothing but None is offered.

        ``on_channel`` is told on the event loop what was opened, renewed, refused and closed; refusals beyond 50 in
        10 s are only counted, in the next record.
        """
        self.limits = limits or ChannelLimits()
        self.identities = identities
        self.policies = Policies(modes, identities)
        self.admission = Admission(self.limits.connections, self.limits.per_address)
        self.unfinished = UnfinishedBytes(self.limits.unfinished)
        self.on_channel = on_channel
        self._thread = ChannelThread(self.limits.handshakes)
        self._trust = trust
        self._gate = CertificateGate(trust) if trust is not None else None
        self._opening = ChannelOpening(self.policies, self._gate, self._thread, self.limits)
        self._refusals_until = 0.0
        self._refusals = 0

    async def start(self) -> None:
        """Read the certificates. Raises :class:`~certs.errors.CertificateError`."""
        await self.identities.start()

    async def stop(self) -> None:
        """End the thread and follow the certificates no longer; safe twice."""
        await self.identities.stop()
        self._thread.stop()

    def new_channel(self, peer: str) -> GatewayChannel:
        """Make the channel of a connection, which is not open yet."""
        return GatewayChannel(peer, self.unfinished)

    def follower(self, connections: Callable[[], Sequence[ClientConnection]]) -> TrustFollower | None:
        """Make what ends connections of clients that are trusted no longer; None where certificates are not judged."""
        gate, trust = self._gate, self._trust
        if gate is None or trust is None:
            return None

        async def judge(chain: bytes) -> Verdict:
            return (await self._thread.do(lambda: gate.judge(chain)))[0]

        return TrustFollower(trust.last_update, judge, connections)

    async def open(self, channel: GatewayChannel, frame: bytes, renewals: RenewalRate) -> bytes:
        """Answer an OPN chunk. Raises :class:`TransportError`: the connection has to end."""
        record = ChannelRecord(channel.peer)
        try:
            answer = await self._opening.answer(channel, frame, renewals, record)
        except TransportError as error:
            record.status, record.reason = error.status, str(error)
            self._tell(record)
            raise
        self._tell(record)
        return answer

    def closed(self, channel: GatewayChannel) -> None:
        """Take a channel's id back, once its connection is over; one that was never open changes nothing."""
        if not channel.channel_id:
            return
        self._opening.ids.release(channel.channel_id)
        record = ChannelRecord(channel.peer, "closed", StatusCodes.Good, channel_id=channel.channel_id)
        record.policy_uri, record.mode, record.certificate = (
            channel.policy_uri,
            channel.mode,
            channel.client_certificate,
        )
        if channel.distrusted is not None:
            record.verdict, record.reason = channel.distrusted, f"closed: {channel.distrusted}"
        channel.close()
        channel.channel_id = 0
        self._tell(record)

    def _tell(self, record: ChannelRecord) -> None:
        """Tell the audit trail, which nobody shall fill up by being refused."""
        if record.what == "refused":
            moment = time.monotonic()
            if moment >= self._refusals_until:
                record.unreported = max(self._refusals - _MOST_REFUSALS, 0)
                self._refusals_until, self._refusals = moment + _REFUSALS_WITHIN, 0
            self._refusals += 1
            if self._refusals > _MOST_REFUSALS:
                return
        try:
            self.on_channel(record)
        except Exception:  # noqa: BLE001 - the connection comes to its end, whatever the audit trail does
            _log.exception("what became of a channel could not be told: %s", record.what)
