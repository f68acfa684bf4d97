"""FileType by Part 20 v1.05 4.2: modes, positions, bounds, one writer, handles that are a session's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from asyncua.ua.status_codes import StatusCodes
from hypothesis import given
from hypothesis import strategies as st

from server.model_change.upload import MAX_HANDLES, MAX_SIZE, FileRefused, UploadFile
from server.ua_stack.sessions import GatewaySession

READ, WRITE, ERASE, APPEND = 1, 2, 4, 8


def refused(call: Callable[..., Any], *arguments: Any) -> int:
    with pytest.raises(FileRefused) as refusal:
        call(*arguments)
    return refusal.value.status


def session() -> GatewaySession:
    """Make something that is a session of its own: the file only asks whose it is."""
    return cast("GatewaySession", object())


@pytest.mark.parametrize("mode", [0, 4, 8, READ | ERASE, READ | APPEND, 16, READ | 128])
def test_modes_that_mean_nothing_are_refused(mode: int) -> None:
    assert refused(UploadFile().open, None, mode) == StatusCodes.BadInvalidArgument


@given(st.lists(st.binary(max_size=50)), st.integers(1, 20))
def test_what_was_written_is_read(parts: list[bytes], length: int) -> None:
    file = UploadFile()
    handle = file.open(None, WRITE | ERASE)
    for part in parts:
        file.write(None, handle, part)
    file.close(None, handle)
    whole = b"".join(parts)
    assert file.content() == whole
    handle = file.open(None, READ)
    found = b""
    while data := file.read(None, handle, length):
        assert len(data) <= length
        found += data
    assert found == whole
    assert file.position(None, handle) == file.size == len(whole)


def test_one_writer_and_nobody_beside() -> None:
    file = UploadFile()
    reader = file.open(None, READ)
    assert refused(file.open, None, WRITE) == StatusCodes.BadNotWritable
    file.open(None, READ)
    assert file.open_count == 2
    file.close(None, reader)
    file.close(None, reader + 1)
    writer = file.open(None, READ | WRITE)
    assert refused(file.open, None, READ) == StatusCodes.BadNotReadable
    assert refused(file.open, None, WRITE) == StatusCodes.BadNotWritable
    assert refused(file.content) == StatusCodes.BadInvalidState
    file.close(None, writer)
    assert refused(file.close, None, writer) == StatusCodes.BadInvalidArgument


def test_positions() -> None:
    file = UploadFile()
    handle = file.open(None, READ | WRITE)
    file.write(None, handle, b"0123456789")
    file.set_position(None, handle, 2)
    file.write(None, handle, b"ab")
    assert file.position(None, handle) == 4
    file.set_position(None, handle, 1_000_000)
    assert file.position(None, handle) == 10
    assert file.read(None, handle, 5) == b""
    assert refused(file.read, None, handle, -1) == StatusCodes.BadInvalidArgument
    file.close(None, handle)
    handle = file.open(None, WRITE | APPEND)
    file.write(None, handle, b"!")
    assert refused(file.read, None, handle, 1) == StatusCodes.BadInvalidState
    file.close(None, handle)
    assert file.content() == b"01ab456789!"
    handle = file.open(None, READ)
    assert refused(file.write, None, handle, b"x") == StatusCodes.BadInvalidState


def test_the_size_is_bounded_and_what_is_too_much_changes_nothing() -> None:
    file = UploadFile()
    handle = file.open(None, WRITE)
    file.write(None, handle, bytes(MAX_SIZE))
    assert refused(file.write, None, handle, b"x") == StatusCodes.BadResourceUnavailable
    assert file.size == MAX_SIZE
    file.set_position(None, handle, MAX_SIZE - 1)
    assert refused(file.write, None, handle, b"xy") == StatusCodes.BadResourceUnavailable
    file.write(None, handle, b"x")
    assert file.size == MAX_SIZE


def test_handles_are_a_sessions_own_bounded_and_end_with_it() -> None:
    file = UploadFile()
    mine, other = session(), session()
    handle = file.open(mine, READ)
    assert refused(file.read, other, handle, 1) == StatusCodes.BadInvalidArgument
    assert refused(file.close, None, handle) == StatusCodes.BadInvalidArgument
    for _ in range(MAX_HANDLES - 1):
        file.open(other, READ)
    assert refused(file.open, mine, READ) == StatusCodes.BadResourceUnavailable
    file.close_all(other)
    assert file.open_count == 1
    file.close_all(mine)
    assert file.open_count == 0
