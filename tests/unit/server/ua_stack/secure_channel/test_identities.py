"""Certificates that are followed on disk while the endpoint shows them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from certs.errors import CertificateError
from certs.making import Application, CertificateKind
from certs.own import CERTIFICATE_FILE, OwnCertificates
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.identities import Identities
from server.ua_stack.secure_channel.policies import Policies
from server.ua_stack.secure_channel.suites import NONE, SUITES
from tests.unit.server.ua_stack.secure_channel.peer import showing
from tests.waiting import until

APPLICATION = Application("urn:test:own", "own", ("localhost",), ())


async def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    own = OwnCertificates(tmp_path / "certs", APPLICATION)
    held = Identities(own, every=0.02)
    told: list[bytes] = []
    held.changed.append(lambda: told.append(held.rsa.der if held.rsa else b""))
    policies = Policies(("Sign",), held)
    assert policies.offered == []
    await held.start()
    try:
        first = held.rsa
        assert first is not None
        assert policies.identity(first.thumbprint) is first
        renewed = own.renew(CertificateKind.RSA)
        await until(lambda: bool(told))
        assert told == [renewed.details.der]
        assert held.rsa is not None
        assert {one.certificate for one in policies.offered} == {renewed.chain}
        with pytest.raises(TransportError):
            policies.identity(first.thumbprint)
        assert not await held.refresh()
        own.renew(CertificateKind.RSA, new_key=True)
        assert await held.refresh() or len(told) == 2
    finally:
        await held.stop()
        await held.stop()


async def test_a_damaged_certificate_is_told_and_the_one_before_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = OwnCertificates(tmp_path / "certs", APPLICATION)
    held = Identities(own, every=0.02)
    await held.start()
    try:
        before = held.rsa
        with caplog.at_level(logging.WARNING):
            (tmp_path / "certs" / CERTIFICATE_FILE).write_bytes(b"garbage")
            await until(lambda: "goes on with the certificate that it has" in caplog.text)
        assert held.rsa is before
        with pytest.raises(CertificateError):
            await held.refresh()
    finally:
        await held.stop()


async def test_without_certificates_there_is_nothing_to_follow() -> None:
    held = Identities(None)
    await held.start()
    assert not await held.refresh()
    await held.stop()
    assert [(one.uri, one.certificate) for one in Policies(("None", "Sign"), held).offered] == [(NONE, b"")]


def test_what_is_offered_is_what_is_configured_the_best_with_the_highest_level() -> None:
    offered = Policies(("None", "SignAndEncrypt", "Sign"), showing()).offered
    assert {(one.uri, int(one.mode)) for one in offered} == {
        (NONE, 1),
        *((uri, mode) for uri in SUITES for mode in (2, 3)),
    }
    assert min(offered, key=lambda one: one.level).uri == NONE
    assert len({one.level for one in offered}) == 7
    assert max(offered, key=lambda one: one.level).mode == 3
    assert not any(one.uri.endswith(("Basic128Rsa15", "Basic256")) for one in offered)
    assert {int(one.mode) for one in Policies(("Sign",), showing()).offered} == {2}
