"""Everything that decides who comes in: audit, users, certificates, and how clients find the gateway."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from urllib.parse import urlsplit

from asyncua.ua.status_codes import StatusCodes

from certs.making import Application
from certs.own import OwnCertificates, own_certificate
from certs.store import TrustStore
from certs.verdict import Verdict
from core.lifecycle import Lifecycle
from core.time import TICKS_PER_SECOND, from_datetime, now
from server.access import Access, AccessSettings
from server.audit.administration import ConfigurationUpdatedAudit
from server.audit.connections import LoginLockedOut
from server.audit.record import AuditRecord
from server.auditing import Auditing
from server.model_change.report import ModelReport
from server.plan import Plan
from server.ua_stack.channel_audit import records_of, records_of_verdict
from server.ua_stack.discovery.descriptions import ApplicationName
from server.ua_stack.discovery.outgoing import Outgoing
from server.ua_stack.role_set.binding import bind_role_set
from server.ua_stack.secure_channel.record import ChannelRecord
from server.ua_stack.server_configuration.applying import Applied
from server.ua_stack.server_configuration.binding import Description, bind_server_configuration
from server.ua_stack.sessions import CALLER, GatewaySession
from server.ua_stack.stack import PRODUCT_URI
from server.users.logins import Locked

_log = logging.getLogger("plantspace.gateway")
_MILLENNIUM = from_datetime(datetime(2000, 1, 1, tzinfo=UTC))


def _version_time() -> int:
    """Give the seconds since 2000-01-01 UTC (VersionTime, Part 5 v1.05 12.2.12)."""
    return (now() - _MILLENNIUM) // TICKS_PER_SECOND


class Doors:
    """Opened before the endpoint listens, and closed after it: whatever clients do is still recorded."""

    def __init__(self, plan: Plan) -> None:
        """Make the parts; nothing is opened yet."""
        stack, settings = plan.stack, plan.settings
        internal, base = stack.internal, plan.config.parent
        self._plan = plan
        self._lifecycle = Lifecycle()
        self._trust: TrustStore | None = None
        self._version = _version_time()
        self.auditing = Auditing(
            settings.audit,
            settings.name,
            plan.data_dir,
            base,
            server_id=stack.options.application_uri,
            uris=lambda: plan.nodeids.uris,
            types=internal.events,
            happened=internal.subscriptions.happened,
        )
        self.access = Access(
            stack,
            AccessSettings(settings.server.anonymous, settings.users, settings.roles, base),
            plan.data_dir,
            plan.nodeids.index_of(f"urn:plantspace:{settings.name}"),
        )

    async def start(self) -> None:
        """Open the trail, the users' file and the certificates. Raises :class:`~core.errors.PlantspaceError`."""
        internal = self._plan.stack.internal
        try:
            await self._lifecycle.start("audit", self.auditing)
            internal.session_service.audit.record = internal.use_audit.record = self.record
            self.access.logins.on_lock = self._locked
            await self._lifecycle.start("users", self.access)
            self._show_users()
            await self._identify()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything; safe twice."""
        await self._lifecycle.stop()

    def record(self, record: AuditRecord) -> None:
        """Keep a record in the audit trail, and tell the clients that may hear of it."""
        self.auditing.trail.record(record)

    def model_changed(self, report: ModelReport) -> None:
        """Record that the model is another by now; who asked for it, where that was a client's call."""
        session, before = CALLER.get(), self._version
        self._version = _version_time()
        self.record(
            ConfigurationUpdatedAudit(
                status=True,
                message=f"the model has changed: {report.summary}",
                client_user_id="System/Configuration" if session is None else session.client_user_id,
                client_application_uri=None if session is None else session.application_uri,
                old_version=before,
                new_version=self._version,
            )
        )

    def _locked(self, locked: Locked) -> None:
        """Record that a user or an address may not log in for a while."""
        whose = f"log-ins of {locked.name!r}" if locked.name else "log-ins"
        self.record(
            LoginLockedOut(
                status=False,
                status_code_id=int(StatusCodes.BadIdentityTokenRejected),
                message=f"{whose} from {locked.place} are locked",
                client_user_id=locked.name or "Anonymous",
                failures=locked.failures,
                locked_for=locked.seconds * 1000.0,
            )
        )

    def outgoing(self) -> Outgoing:
        """Give what makes the gateway known, to be started once the endpoint listens."""
        stack, settings = self._plan.stack, self._plan.settings.server
        options = stack.options
        return Outgoing(
            ApplicationName(options.application_uri, PRODUCT_URI, f"Plantspace {options.name}"),
            stack.urls,
            discovery_server=settings.discovery_server,
            reverse_connect=settings.reverse_connect,
            make_protocol=stack.new_connection,
            own=stack.secret_key,
            trust=self._trust,
            on_refused=self._refused,
        )

    def _show_users(self) -> None:
        internal = self._plan.stack.internal
        bind_role_set(
            internal.space,
            self._plan.nodeids,
            self.access.store,
            self.access.logins,
            caller=CALLER.get,
            on_change=self.record,
            on_password_changed=internal.session_service.password_changed,
        )

    async def _identify(self) -> None:
        """Have a certificate where anything is encrypted for it, and let in only trusted clients there."""
        stack, folder = self._plan.stack, self._plan.data_dir / "certs"
        if not self._needs_certificate():
            return
        options = stack.options
        hosts = (urlsplit(options.url).hostname or "localhost", *options.host_names)
        own = await asyncio.to_thread(own_certificate, folder, options.application_uri, options.name, *hosts)
        if own.made:
            _log.info("made a certificate for this gateway: %s", folder / "own.der")
        trust = self._trust = TrustStore(folder)
        await asyncio.to_thread(trust.prepare)
        application = await asyncio.to_thread(Application.here, options.application_uri, options.name, *hosts)
        certificates = OwnCertificates(folder, application)
        stack.secure(certificates, trust, self._channel_changed)
        configuration = bind_server_configuration(
            stack.internal.space,
            certificates,
            trust,
            self.access.user_trust,
            Description(PRODUCT_URI),
            on_applied=self._applied,
            hang_up=stack.hang_up,
            on_change=self._configured,
        )
        await self._lifecycle.start("server configuration", configuration)

    def _needs_certificate(self) -> bool:
        settings = self._plan.settings.server
        registers = settings.discovery_server
        return (
            set(settings.security) != {"None"}
            or self.access.needs_key
            or (registers is not None and set(registers.security) != {"None"})
        )

    def _channel_changed(self, told: ChannelRecord) -> None:
        for record in records_of(told):
            self.record(record)

    def _refused(self, verdict: Verdict) -> None:
        for record in records_of_verdict(verdict):
            self.record(record)

    async def _applied(self, _applied: Applied) -> None:
        await self._plan.stack.server.channels.identities.refresh()

    def _configured(self, record: AuditRecord, _session: GatewaySession | None) -> None:
        self.record(record)
