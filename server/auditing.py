"""The audit trail of a gateway as a component: what is recorded, told to clients and forwarded to a syslog receiver."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import SettingError
from core.lifecycle import Lifecycle
from server.audit.events import AuditEvents
from server.audit.forwarder import SyslogForwarder
from server.audit.settings import AuditSettings
from server.audit.syslog_target import SyslogTarget
from server.audit.trail import AuditTrail
from server.events.event import Event
from server.events.event_types import EventTypes


class Auditing:
    """Owns the trail, its events and its forwarder. Started before anybody can come in, stopped after all have gone."""

    def __init__(
        self,
        settings: AuditSettings,
        name: str,
        data_dir: Path,
        base: Path,
        *,
        server_id: str,
        uris: Callable[[], Sequence[str]],
        types: EventTypes,
        happened: Callable[[Event], None],
    ) -> None:
        """``base``: the folder of the configuration; the rest is as the trail and its events take it."""
        self._settings = settings
        self._name = name
        self._base = base
        self._lifecycle = Lifecycle()
        self.trail = AuditTrail(
            data_dir, name, server_id=server_id, uris=uris, retention=settings.retention.retention()
        )
        self.events = AuditEvents(types, happened, server_id)
        self.forwarder: SyslogForwarder | None = None

    async def start(self) -> None:
        """Open the trail. Raises :class:`~core.errors.PlantspaceError`; then nothing is open."""
        try:
            self.trail.on_record(self.events.heard)
            if self._settings.syslog is not None:
                target = SyslogTarget.parse(self._settings.syslog)
                tls = await asyncio.to_thread(self._authorities) if target.transport == "tls" else None
                self.forwarder = SyslogForwarder(target, self._name, tls=tls)
                self.trail.on_written(self.forwarder.offer)
                await self._lifecycle.start("syslog", self.forwarder)
            await self._lifecycle.start("audit trail", self.trail)
            await self._lifecycle.start("audit events", self.events)
        except BaseException:
            await self._lifecycle.stop()
            raise

    async def stop(self) -> None:
        """Write what waits and close everything; safe twice."""
        await self._lifecycle.stop()

    def _authorities(self) -> ssl.SSLContext:
        if not self._settings.syslog_ca_file:
            return ssl.create_default_context()
        file = self._base / self._settings.syslog_ca_file
        try:
            return ssl.create_default_context(cafile=file)
        except (OSError, ValueError) as error:
            problem = f"the authorities of the syslog receiver cannot be read from {file}: {error}"
            raise SettingError(problem, "write the name of a PEM file for syslog_ca_file under audit:") from error
