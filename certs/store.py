"""The trust list of the gateway as Part 12 v1.05 7.8 has it, in a folder that people and a GDS may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from certs.certificate import Certificate
from certs.errors import CertificateError
from certs.reading import Stored
from certs.rejected import RejectedFolder
from certs.revocation import RevocationList
from certs.together import Part
from certs.trust_folders import Change, TrustFolders, contents
from certs.validation import Asked, validate
from certs.verdict import CertificateStatus, Rules, Verdict

_MOST_IN_LIST = 1000
_MOST_REJECTED, _MOST_REJECTED_BYTES = 100, 1 << 20
_LEAST_DIGITS = 6
Where = Literal["trusted", "issuers"]


@dataclass(frozen=True, slots=True)
class TrustList:
    """The four lists of TrustListDataType, each of DER; None: this list is not meant (SpecifiedLists)."""

    trusted: Sequence[bytes] | None = None
    trusted_crls: Sequence[bytes] | None = None
    issuers: Sequence[bytes] | None = None
    issuer_crls: Sequence[bytes] | None = None


class TrustStore:
    """Certificates that are trusted, issuers that complete chains, revocation lists, and what was rejected.

    Safe to use from several threads, beside other processes. All of it blocks on files. Whoever changes files by hand
    is heeded at the next validation. Listings raise :class:`OSError` where a folder cannot be looked at.
    """

    def __init__(
        self, folder: Path, *, most_rejected: int = _MOST_REJECTED, most_rejected_bytes: int = _MOST_REJECTED_BYTES
    ) -> None:
        """Keep everything under ``folder``; nothing is read or made yet."""
        self.folder = folder
        self._folders = TrustFolders(folder)
        self._keeper = RejectedFolder(folder / "rejected", most_rejected, most_rejected_bytes)

    def prepare(self) -> None:
        """Make the folders, finish an interrupted change, and move files of the old layout over.

        Raises :class:`CertificateError` where that cannot be done.
        """
        self._folders.prepare()

    def validate(
        self,
        chain: Sequence[bytes],
        *,
        application_uri: str | None,
        host_names: Sequence[str] | None = None,
        now: datetime | None = None,
        rules: Rules | None = None,
    ) -> Verdict:
        """Judge ``chain[0]`` (DER) with what was sent along; one that is refused is kept to be looked at.

        ``application_uri``, ``host_names``: what the peer says it is, None where that is not asked. ``now``: UTC.
        Never raises on what a peer sends.
        """
        verdict = self.judge(chain, application_uri=application_uri, host_names=host_names, now=now, rules=rules)
        if not verdict.is_good and verdict.certificate is not None and not verdict.is_listed:
            self._keeper.keep(verdict.certificate)
        return verdict

    def judge(
        self,
        chain: Sequence[bytes],
        *,
        application_uri: str | None = None,
        host_names: Sequence[str] | None = None,
        now: datetime | None = None,
        rules: Rules | None = None,
    ) -> Verdict:
        """As :meth:`validate`, and keeps nothing."""
        try:
            known = self._folders.known()
        except (OSError, CertificateError) as error:
            reason = f"the trust list {self.folder} cannot be read: {getattr(error, 'strerror', None) or error}"
            return Verdict(CertificateStatus.SECURITY_CHECKS_FAILED, reason, "restore the folder")
        return validate(chain, known, Asked(application_uri, host_names, now or datetime.now(UTC), rules or Rules()))

    def trusted(self) -> list[Certificate]:
        """Give what is trusted: applications, and authorities with all that they issue."""
        return list(contents(self._folders.certificates("trusted/certs")))

    def issuers(self) -> list[Certificate]:
        """Give the authorities that complete chains and are not trusted by themselves."""
        return list(contents(self._folders.certificates("issuers/certs")))

    def rejected(self) -> list[Certificate]:
        """Give what was refused, the newest first."""
        held = sorted(self._folders.certificates("rejected"), key=lambda item: _age(item.file))
        return list(contents(held))

    def lists(self) -> list[RevocationList]:
        """Give all revocation lists."""
        return list(contents((*self._folders.lists("trusted/crl"), *self._folders.lists("issuers/crl"))))

    def trust_list(self) -> TrustList:
        """Give the four lists, as they are handed out by TrustList.Open and Read (Part 12 v1.05 7.8.2)."""
        return TrustList(
            [one.der for one in self.trusted()],
            [one.der for one in contents(self._folders.lists("trusted/crl"))],
            [one.der for one in self.issuers()],
            [one.der for one in contents(self._folders.lists("issuers/crl"))],
        )

    def last_update(self) -> datetime:
        """Tell when the lists were changed last: TrustList.LastUpdateTime (Part 12 v1.05 7.8.2.1), UTC."""
        return datetime.fromtimestamp(self._folders.changed(), UTC)

    def find(self, thumbprint: str) -> Certificate:
        """Give the one certificate, wherever it lies, whose SHA-1 or SHA-256 begins so.

        Raises :class:`CertificateError`.
        """
        return _one_of((*self.trusted(), *self.issuers(), *self.rejected()), thumbprint, "known")

    def trust(self, thumbprint: str) -> Certificate:
        """Trust one that was rejected. Raises :class:`CertificateError` where there is none, or more than one."""
        return self.add_trusted(_one_of(self.rejected(), thumbprint, "among those rejected").der)

    def add_trusted(self, der: bytes) -> Certificate:
        """Trust a certificate; an authority's with all that it issues. Raises :class:`CertificateError`."""
        certificate = Certificate.parse(der)
        gone = [item for item in self._folders.certificates("rejected") if item.content == certificate]
        self._folders.change(Change(gone, {"trusted/certs": [der]}))
        return certificate

    def reject(self, thumbprint: str) -> Certificate:
        """Trust one no longer, and put it among those rejected. Raises :class:`CertificateError`."""
        held = self._folders.certificates("trusted/certs")
        certificate = _one_of(contents(held), thumbprint, "trusted")
        gone = [item for item in held if item.content == certificate]
        self._folders.change(Change(gone, {"rejected": [certificate.der]}))
        return certificate

    def add_issuer(self, der: bytes) -> Certificate:
        """Take an authority in, to complete chains with. Raises :class:`CertificateError` where it is none."""
        certificate = Certificate.parse(der)
        if not certificate.is_ca:
            message = f"{certificate.subject} is no authority, so it can issue nothing (trust it instead)"
            raise CertificateError(message)
        self._folders.change(Change((), {"issuers/certs": [der]}))
        return certificate

    def add_crl(self, der: bytes) -> RevocationList:
        """Take a revocation list in; older whole ones of its issuer go. Raises :class:`CertificateError`.

        Its issuer has to be trusted or an issuer, and must have signed it.
        """
        fresh = RevocationList.parse(der)
        if fresh.is_delta:
            message = f"the list of {fresh.issuer} is a delta list (import the whole one)"
            raise CertificateError(message)
        trusted = self.trusted()
        issuer = next((one for one in (*trusted, *self.issuers()) if fresh.is_signed_by(one)), None)
        if issuer is None:
            message = f"no known authority has signed the list of {fresh.issuer} (import that authority first)"
            raise CertificateError(message)
        held = (*self._folders.lists("trusted/crl"), *self._folders.lists("issuers/crl"))
        gone = [item for item in held if fresh.supersedes(item.content) and item.content.is_signed_by(issuer)]
        self._folders.change(Change(gone, {"trusted/crl" if issuer in trusted else "issuers/crl": [der]}))
        return fresh

    def remove(self, thumbprint: str, where: Where) -> Certificate:
        """Forget a certificate; an authority's revocation lists go with it (Part 12 v1.05 7.8.2.7).

        Raises :class:`CertificateError` where there is none, or more than one.
        """
        held = self._folders.certificates("trusted/certs" if where == "trusted" else "issuers/certs")
        certificate = _one_of(contents(held), thumbprint, "among the issuers" if where == "issuers" else "trusted")
        others = [one for one in (*self.trusted(), *self.issuers()) if one != certificate]
        lists = [
            item
            for item in self._folders.lists("trusted/crl" if where == "trusted" else "issuers/crl")
            if item.content.is_signed_by(certificate) and not any(item.content.is_signed_by(one) for one in others)
        ]
        self._folders.change(Change([*(item for item in held if item.content == certificate), *lists], {}))
        return certificate

    def replace(self, trust_list: TrustList) -> None:
        """Put whole lists in the place of those that are there, all of them or none (Part 12 v1.05 7.8.2.4).

        A certificate that is trusted then is among those rejected no longer. Raises :class:`CertificateError` where one
        is no certificate or list, or there are too many; then nothing has changed.
        """
        self._folders.change(self._replacing(trust_list))

    def replacement(self, trust_list: TrustList) -> Part:
        """Give what :meth:`replace` does as a part of a larger change. Raises as it."""
        return self._folders.part(self._replacing(trust_list))

    def _replacing(self, trust_list: TrustList) -> Change:
        written: dict[str, Sequence[bytes]] = {}
        gone: list[Stored[Certificate] | Stored[RevocationList]] = []
        if trust_list.trusted is not None:
            written["trusted/certs"] = [Certificate.parse(one).der for one in _bounded(trust_list.trusted)]
            gone += self._folders.certificates("trusted/certs")
            trusted = set(written["trusted/certs"])
            gone += [item for item in self._folders.certificates("rejected") if item.content.der in trusted]
        if trust_list.issuers is not None:
            written["issuers/certs"] = [Certificate.parse(one).der for one in _bounded(trust_list.issuers)]
            gone += self._folders.certificates("issuers/certs")
        if trust_list.trusted_crls is not None:
            written["trusted/crl"] = [RevocationList.parse(one).der for one in _bounded(trust_list.trusted_crls)]
            gone += self._folders.lists("trusted/crl")
        if trust_list.issuer_crls is not None:
            written["issuers/crl"] = [RevocationList.parse(one).der for one in _bounded(trust_list.issuer_crls)]
            gone += self._folders.lists("issuers/crl")
        return Change(gone, written)


def _bounded(given: Sequence[bytes]) -> Sequence[bytes]:
    if len(given) > _MOST_IN_LIST:
        message = f"the list has {len(given)} entries, and at most {_MOST_IN_LIST} are taken"
        raise CertificateError(message)
    return given


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:  # it has just been cleared away
        return 0.0


def _one_of(certificates: Sequence[Certificate], thumbprint: str, what: str) -> Certificate:
    """Find by the beginning of SHA-1 or SHA-256, in whatever writing: ``ab:cd``, ``AB CD``, ``abcd``."""
    digits = "".join(letter for letter in thumbprint.casefold() if letter not in ": -")
    if len(digits) < _LEAST_DIGITS:
        message = f"{thumbprint!r} is no thumbprint (give its first {_LEAST_DIGITS} digits at least)"
        raise CertificateError(message)
    found = [
        one
        for one in dict.fromkeys(certificates)
        if one.thumbprint.casefold().startswith(digits) or one.fingerprint.startswith(digits)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        message = f"no certificate {thumbprint!r} is {what} (plantspace certs list tells them all)"
    else:
        message = f"{len(found)} certificates begin with {thumbprint!r} (give more of its digits)"
    raise CertificateError(message)
