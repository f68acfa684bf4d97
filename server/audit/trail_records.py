"""Records that the trail makes about itself: its beginning, its runs, its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.audit.kinds import Boolean, ByteString, String, UInt64, UtcTime
from server.audit.record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailBegun(AuditRecord):
    """The first record of a trail: whose it is."""

    source_name: String = "Audit/Begin"
    client_user_id: String = "System/Audit"
    status: Boolean = True
    name: String


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStarted(AuditRecord):
    """The gateway began to record. Not done: the run before did not end as it should."""

    severity_refused: ClassVar[int] = 300
    source_name: String = "Audit/Start"
    client_user_id: String = "System/Audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStopped(AuditRecord):
    """The gateway ceased to record, as asked."""

    source_name: String = "Audit/Stop"
    client_user_id: String = "System/Audit"
    status: Boolean = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsLost(AuditRecord):
    """Records that could not be kept: ``lost`` of them, between ``first_time`` and ``last_time`` (DateTime ticks)."""

    severity_refused: ClassVar[int] = 900
    source_name: String = "Audit/Loss"
    client_user_id: String = "System/Audit"
    status: Boolean = False
    lost: UInt64
    first_time: UtcTime
    last_time: UtcTime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsCut(AuditRecord):
    """The oldest records, up to the one of the number ``through`` and the hash ``continues``, were removed as asked."""

    severity_done: ClassVar[int] = 300
    source_name: String = "Audit/Cut"
    client_user_id: String = "System/Retention"
    status: Boolean = True
    through: UInt64
    continues: ByteString


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailBroken(AuditRecord):
    """At a start the trail was not what its head file said: ``head`` is the number, ``head_hash`` the hash there."""

    severity_refused: ClassVar[int] = 1000
    source_name: String = "Audit/Broken"
    client_user_id: String = "System/Audit"
    status: Boolean = False
    head: UInt64
    head_hash: ByteString
