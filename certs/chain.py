"""The way from a certificate to its root: found with bounded work, whatever a peer sends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from certs.certificate import Certificate
from certs.encoded import LONGEST_CHAIN

_MOST_CHECKS = 48
"""Signatures that are checked for one chain: loops, cross-signed and same-named authorities end here."""


class ChainSearch:
    """Looks for the chain of ``leaf`` among ``known`` certificates and those that the peer has sent along.

    ``has_forged``: an issuer with the right name was there, and its key has not made the signature.
    """

    def __init__(self, leaf: Certificate, known: Sequence[Certificate], sent: Sequence[Certificate]) -> None:
        """Take all of them; known ones come first, so that a peer cannot put its own in their place."""
        self._leaf = leaf
        self._candidates = tuple(dict.fromkeys((*known, *sent)))
        self._checked: dict[tuple[bytes, bytes], bool] = {}
        self.has_forged = False
        self.lacking = leaf

    def find(self, trusted: Collection[Certificate]) -> tuple[Certificate, ...] | None:
        """Give the chain, leaf first and self-signed root last, through a trusted certificate where there is one."""
        first: tuple[Certificate, ...] | None = None
        for chain in self._chains((self._leaf,)):
            if any(certificate in trusted for certificate in chain):
                return chain
            first = first or chain
        return first

    def _chains(self, path: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, ...]]:
        last = path[-1]
        if last.is_self_issued and self._is_signed_by(last, last):
            yield path
            return
        self.lacking = last
        if len(path) == LONGEST_CHAIN:
            return
        for issuer in self._candidates:
            if issuer not in path and issuer.is_named_issuer_of(last):
                if self._is_signed_by(last, issuer):
                    yield from self._chains((*path, issuer))
                else:
                    self.has_forged = True

    def _is_signed_by(self, certificate: Certificate, issuer: Certificate) -> bool:
        pair = certificate.der, issuer.der
        known = self._checked.get(pair)
        if known is None:
            if len(self._checked) >= _MOST_CHECKS:
                return False
            known = self._checked[pair] = certificate.is_signed_by(issuer)
        return known
