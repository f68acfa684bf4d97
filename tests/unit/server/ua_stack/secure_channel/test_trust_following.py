"""Clients that are trusted no longer: when they are looked for, and who is told."""

from __future__ import annotations

import asyncio
from asyncio import sleep as pause
from collections.abc import AsyncIterator

import pytest
from asyncua.ua.status_codes import StatusCodes

from certs.verdict import CertificateStatus, Verdict
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.trust_following import TrustFollower
from tests.waiting import until

GOOD = Verdict(CertificateStatus.GOOD, "")
REVOKED = Verdict(CertificateStatus.REVOKED, "it is on the list")


class _Connection:
    def __init__(self, *chain: bytes) -> None:
        self.client_chain = list(chain)
        self.ended: Verdict | None = None

    def distrust(self, verdict: Verdict) -> None:
        self.ended = verdict


class _Lists:
    """A trust list: its stamp, whom it does not trust, and what it stumbles over."""

    def __init__(self) -> None:
        self.stamp = 1
        self.looks = 0
        self.judged: list[bytes] = []
        self.revoked: set[bytes] = set()
        self.unreadable = False
        self.busy = 0
        self.coming: list[_Connection] = []
        """Who connects while others are judged."""
        self.connections = [_Connection(b"ann", b"issuer"), _Connection(b"bob"), _Connection()]

    def last_update(self) -> int:
        self.looks += 1
        if self.unreadable:
            raise PermissionError(13, "not to be read", "certs")
        return self.stamp

    async def judge(self, chain: bytes) -> Verdict:
        await pause(0)
        if self.busy:
            self.busy -= 1
            raise TransportError(StatusCodes.BadTcpServerTooBusy, "handshakes are waiting")
        self.judged.append(chain)
        self.connections += self.coming
        self.coming = []
        return REVOKED if chain in self.revoked else GOOD

    async def looked(self, times: int = 2) -> None:
        """Return once it was looked at again, and what followed of that is done."""
        wanted = self.looks + times
        await until(lambda: self.looks >= wanted)


@pytest.fixture
async def lists() -> AsyncIterator[_Lists]:
    made = _Lists()
    follower = TrustFollower(made.last_update, made.judge, lambda: made.connections, every=0.005)
    await follower.start()
    try:
        yield made
    finally:
        await follower.stop()
        await follower.stop()


async def test_nobody_is_judged_before_the_lists_have_changed(lists: _Lists) -> None:
    lists.revoked = {b"annissuer"}
    await lists.looked(5)
    assert lists.judged == []
    lists.stamp = 2
    ann, bob, nobody = lists.connections
    await until(lambda: ann.ended is REVOKED)
    await lists.looked(5)
    assert lists.judged == [b"annissuer", b"bob"] * 2, "and again, for those who were just coming in"
    assert (bob.ended, nobody.ended) == (None, None)


async def test_who_comes_in_while_the_lists_change_is_seen_by_the_second_look(lists: _Lists) -> None:
    eve = _Connection(b"eve")
    lists.revoked, lists.coming = {b"eve"}, [eve]
    lists.stamp = 2
    await until(lambda: eve.ended is REVOKED)


async def test_what_cannot_be_seen_now_is_looked_at_again(lists: _Lists, caplog: pytest.LogCaptureFixture) -> None:
    lists.unreadable = True
    lists.revoked = {b"bob"}
    await lists.looked(5)
    lists.unreadable = False
    lists.busy, lists.stamp = 3, 2
    await until(lambda: lists.connections[1].ended is REVOKED)
    told = [one.getMessage() for one in caplog.records]
    assert len(told) == 2, "each trouble once"
    assert all("cannot be seen" in one for one in told)


async def test_lists_that_cannot_be_read_are_told_at_the_start() -> None:
    lists = _Lists()
    lists.unreadable = True
    follower = TrustFollower(lists.last_update, lists.judge, list)
    with pytest.raises(PermissionError):
        await follower.start()
    await follower.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "trust list"]
