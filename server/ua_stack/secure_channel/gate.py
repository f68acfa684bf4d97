"""Whether a client's certificate is let in: asked of the trust store, and remembered for a short while."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from certs.encoded import split_chain
from certs.errors import CertificateError
from certs.verdict import CertificateStatus, Verdict

_MOST: Final = 256
_REMEMBERED: Final = 10.0
"""Seconds for which a verdict is used again, if the trust list has not changed."""


class Trust(Protocol):
    """What judges: :class:`~certs.store.TrustStore`. Both methods block on files."""

    def validate(self, chain: list[bytes], *, application_uri: str | None) -> Verdict:
        """Judge a leaf and its issuers, DER."""
        ...

    def last_update(self) -> object:
        """Give what is another value once the lists have changed."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    verdict: Verdict
    stamp: object
    until: float


class CertificateGate:
    """Judges chains. It blocks: a thread calls it, one at a time."""

    def __init__(self, trust: Trust, *, seconds: float = _REMEMBERED) -> None:
        """``trust``: judges; ``seconds``: for how long a verdict is used again."""
        self._trust = trust
        self._seconds = seconds
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self.asked = 0
        """How often the trust store was asked."""

    def judge(self, sent: bytes) -> tuple[Verdict, list[bytes]]:
        """Judge what a client has sent as SenderCertificate; give the chain that it is, too.

        The application URI is compared by CreateSession, which is where a client says it (Part 4 v1.05 6.1.3).
        """
        try:
            chain = split_chain(sent)
        except CertificateError as error:
            return Verdict(CertificateStatus.INVALID, f"a client's chain: {error}"), []
        key, stamp, moment = sha256(sent).digest(), self._trust.last_update(), time.monotonic()
        known = self._known.get(key)
        if known is not None and known.stamp == stamp and moment < known.until:
            return known.verdict, chain
        self.asked += 1
        verdict = self._trust.validate(chain, application_uri=None)
        self._known[key] = _Known(verdict, stamp, moment + self._seconds)
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return verdict, chain
