"""When a DataSetWriter publishes: at its interval, and alarms as they come."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from core.errors import StoreError
from server.pubsub.writer import DataSetWriter

_log = logging.getLogger("plantspace.pubsub")

_AT_ONCE: Final = 0.05
"""Seconds that alarms are gathered for before they are published, whatever the interval is."""


async def keep_publishing(
    writer: DataSetWriter, interval: float, arrived: asyncio.Event | None, stopping: asyncio.Event
) -> None:
    """Publish at the interval by the monotonic clock, without drift; intervals slept through are counted.

    ``arrived``: set when something came that goes at once. Returns once ``stopping`` is set. Never cancelled amid an
    append, which would leave unknown whether the outbox has accepted.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + interval
    told = False
    while not await _is_over(due, arrived, stopping):
        try:
            await writer.publish()
            told = False
        except StoreError as error:
            if not told:  # once for each time: how full the disk is differs with each try
                told = True
                _log.error("%s: nothing can be accepted for now: %s", writer.identity.writer, error)
        except Exception:  # noqa: BLE001 - a value that no one foresaw must not end the DataSet for ever
            _log.exception("%s: a message could not be made", writer.identity.writer)
        if arrived is not None and loop.time() < due:
            continue
        behind = int((loop.time() - due) // interval)
        if behind > 0:
            writer.counters.missed += behind
        due += interval * (max(behind, 0) + 1)


async def _is_over(due: float, arrived: asyncio.Event | None, stopping: asyncio.Event) -> bool:
    """Wait until it is time to publish; tells whether there is no more to be published."""
    if arrived is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await stopping.wait()
        return stopping.is_set()
    waiting = [asyncio.ensure_future(event.wait()) for event in (stopping, arrived)]
    try:
        await asyncio.wait(
            waiting,
            timeout=max(0.0, due - asyncio.get_running_loop().time()),
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        for one in waiting:
            one.cancel()
    if arrived.is_set() and not stopping.is_set():
        with contextlib.suppress(TimeoutError):  # a shower of alarms goes together
            await asyncio.wait_for(stopping.wait(), _AT_ONCE)
    return stopping.is_set()
