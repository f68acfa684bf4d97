"""Brings an upstream server's history in: connects as securely as asked, and trusts whom the gateway trusts."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportArgumentType=false
from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.crypto.security_policies import (
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)

from certs.making import application_uri
from certs.store import TrustStore
from core.errors import Finding, InputError, Place
from core.time import now
from server.cli.history_progress import ProgressBar
from server.cli.history_source import opened_store
from server.cli.terminal import Progress, counted
from server.history_import.form import TableForm
from server.history_import.targets import Targets, UnfitNodeError
from server.history_import.upstream import UpstreamError, Wanted, take
from server.plan import Plan, plan_gateway

_POLICIES: Final = (SecurityPolicyAes256Sha256RsaPss, SecurityPolicyAes128Sha256RsaOaep, SecurityPolicyBasic256Sha256)
"""The best first."""
_PASSWORD: Final = "PLANTSPACE_PASSWORD"  # noqa: S105 - the name of an environment variable
_TIMEOUT: Final = 30.0


async def import_server(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for; gives the exit code.

    Raises :class:`~core.errors.InputError`, :class:`~server.history_import.upstream.UpstreamError`.
    """
    _check(arguments.sources[0])
    with Progress(f"reading {arguments.config}"):
        plan = await plan_gateway(arguments.config)
    try:
        wanted = _wanted(plan, arguments.node)
        url: str = arguments.sources[0]
        client = await _client(plan, url, arguments)
        try:
            async with client:
                if arguments.dry_run:
                    print(f"{url}: connected; nothing was stored (--dry-run)")
                    return 0
                async with opened_store(plan) as store:
                    with ProgressBar(f"taking history from {url}") as bar:
                        taken = await take(client, wanted, store, arguments.start, arguments.end, now(), bar.report)
        except (OSError, ua.UaError, TimeoutError) as error:
            message = f"{url}: {error or type(error).__name__} (what was stored stays; say it again to go on)"
            raise UpstreamError(message) from error
    finally:
        await plan.discard()
    known = f"; {taken.known} were there already" if taken.known else ""
    print(f"{url}: {counted(taken.stored, 'sample')} stored{known}")
    return 0


def _check(url: str) -> None:
    """Raise :class:`~core.errors.InputError` unless the URL names a host and a port."""
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname and parts.port)
    except ValueError:
        sound = False
    if not sound:
        raise InputError([Finding(Place(url), "this names no host and port", "write opc.tcp://old-server:4840")])


def _wanted(plan: Plan, texts: list[str]) -> list[Wanted]:
    targets, findings, wanted = Targets(plan, TableForm()), list[Finding](), list[Wanted]()
    for text in texts:
        here, _, there = text.partition("::")
        try:
            target = targets.find(here)
        except UnfitNodeError as error:
            findings.append(Finding(Place(f"--node {text}"), error.problem, error.mend))
        else:
            wanted.append(Wanted(target, there or target.node))
    if findings:
        raise InputError(findings)
    return wanted


async def _client(plan: Plan, url: str, arguments: argparse.Namespace) -> Client:
    """Make a client for the server's best endpoint of the wanted mode, once its certificate is trusted."""
    client = Client(url, timeout=_TIMEOUT)
    if arguments.user:
        client.set_user(arguments.user)
        client.set_password(_password(arguments.user))
    mode = ua.MessageSecurityMode[_MODES[arguments.security]]
    if mode is ua.MessageSecurityMode.None_:
        return client
    try:
        endpoints: Any = await Client(url, timeout=_TIMEOUT).connect_and_get_server_endpoints()
    except (OSError, ua.UaError, TimeoutError) as error:
        message = f"{url} cannot be reached: {error or type(error).__name__} (does the server run?)"
        raise UpstreamError(message) from error
    for policy in _POLICIES:
        endpoint = next(
            (one for one in endpoints if one.SecurityMode == mode and one.SecurityPolicyUri == policy.URI), None
        )
        if endpoint is not None:
            break
    else:
        message = f"{url} offers no endpoint of {arguments.security} (see --security)"
        raise UpstreamError(message)
    server: bytes = endpoint.ServerCertificate
    await asyncio.to_thread(_trust, plan, server, endpoint.Server.ApplicationUri, arguments)
    folder = plan.data_dir / "certs"
    certificate: Path = arguments.certificate or folder / "own.der"
    key: Path = arguments.key or folder / "own.key.pem"
    for file in (certificate, key):
        if not file.is_file():
            message = (
                f"there is no {file} to show to the server (run the gateway once, or give --certificate and --key)"
            )
            raise UpstreamError(message)
    client.application_uri = application_uri(plan.settings.name)
    await client.set_security(policy, certificate, key, server_certificate=server, mode=mode)
    return client


_MODES: Final = {"None": "None_", "Sign": "Sign", "SignAndEncrypt": "SignAndEncrypt"}


def _trust(plan: Plan, shown: bytes, uri: str, arguments: argparse.Namespace) -> None:
    """Raise :class:`UpstreamError` unless the certificate is the one that was named, or one that is trusted."""
    named: Path | None = arguments.server_certificate
    if named is not None:
        from certs.trust_folders import read_certificates  # noqa: PLC0415 - only here

        if not any(one.der == shown for one in read_certificates(named.read_bytes())):
            message = f"the server shows another certificate than {named}"
            raise UpstreamError(message)
        return
    store = TrustStore(plan.data_dir / "certs")
    verdict = store.validate([shown], application_uri=uri)
    if not verdict.is_good:
        message = (
            f"the server's certificate is not trusted: {verdict.status}: {verdict.reason} (plantspace certs trust, or "
            "--server-certificate FILE)"
        )
        raise UpstreamError(message)


def _password(user: str) -> str:
    given = os.environ.get(_PASSWORD)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        message = f"there is no terminal to ask for the password (set {_PASSWORD})"
        raise UpstreamError(message)
    return getpass.getpass(f"Password for {user}: ", sys.stderr)
