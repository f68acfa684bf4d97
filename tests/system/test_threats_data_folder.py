"""Files of the data folder that somebody has changed, and who may open them (threat 27)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from struct import pack

import pytest
from asyncua import ua

from certs.own import own_certificate
from core.errors import PlantspaceError
from server.cli.main import main
from tests.system.log_in import add_user, logged_in, trusted_client
from tests.system.plain_asyncua import Memory
from tests.system.plant import Plant, lay_down, running
from tests.waiting import until

HISTORY = "historian: {nodes: ['/Objects/Tank/Level']}\n"
FILES = (
    "users.sqlite",
    "audit.sqlite",
    "history.sqlite",
    "subscriptions.sqlite",
    "retained.json",
    "certs/own.der",
    "certs/own.key.pem",
    "certs/trusted/client.der",
)


MANY = 20_000_000
"""Of 2^31-1 a test would not see the end."""
MUCH = 100 * 1024 * 1024


class _Runs:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


async def _use(plant: Plant, identity: tuple[Path, Path]) -> None:
    """Write and read as an honest user does."""
    async with logged_in(plant, identity, "ann") as ann:
        level = ann.get_node(plant.node("Level"))
        await level.write_value(ua.DataValue(ua.Variant(21.5, ua.VariantType.Double)))
        assert await level.read_value() == 21.5


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Path:
    """Give the folder of a plant that ran once, with umask 0, and was stopped."""
    folder = tmp_path_factory.mktemp("prepared")
    config = lay_down(folder, port=free_port(), security="[SignAndEncrypt]", anonymous="none")
    config.write_text(config.read_text(encoding="utf-8") + HISTORY, encoding="utf-8")

    async def run() -> None:
        await add_user(folder / "var", "ann", "Operator")
        async with running(config) as plant:
            await _use(plant, trusted_client(plant, folder / "client"))
            await until((folder / "var" / "retained.json").exists)

    before = os.umask(0)
    try:
        asyncio.run(run())
    finally:
        os.umask(before)
    return folder


@pytest.fixture
def left(prepared: Path, tmp_path: Path) -> Path:
    """Give a copy of it, with the modes of its files."""
    return shutil.copytree(prepared, tmp_path / "plant")


@pytest.fixture
def identity(left: Path) -> tuple[Path, Path]:
    return left / "client" / "own.der", left / "client" / "own.key.pem"


async def test_threat_27_no_umask_opens_the_data_folder(prepared: Path) -> None:
    data = prepared / "var"
    paths = [data, *data.rglob("*")]
    names = {str(one.relative_to(data)) for one in paths}
    assert set(FILES) - {"subscriptions.sqlite"} <= names
    copied = {"client.der"}  # by the test, as a user would, behind the gateway's back
    open_to_others = [
        (str(one), oct(stat.S_IMODE(one.stat().st_mode)))
        for one in paths
        if one.name not in copied and stat.S_IMODE(one.stat().st_mode) != (0o700 if one.is_dir() else 0o600)
    ]
    assert not open_to_others


async def test_threat_27_a_folder_that_others_may_write_to_is_refused_or_closed(
    left: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = left / "var"
    data.chmod(0o777)
    try:
        with caplog.at_level(logging.WARNING):
            async with running(left / "plant.yaml"):
                closed = not stat.S_IMODE(data.stat().st_mode) & 0o022
                assert closed or str(data) in caplog.text
    except PlantspaceError as refused:
        told(refused, str(data))


@contextmanager
def no_traceback(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        yield
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    assert "Traceback" not in caplog.text


def told(refused: PlantspaceError, *names: str) -> None:
    """See that a gateway that does not start says which file it is."""
    assert any(name in str(refused) for name in names), refused


def _nested() -> bytes:
    return b'{"version": 1, "values": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("name", FILES)
async def test_threat_27_a_changed_file_is_refused_or_set_aside_and_runs_nothing(
    left: Path, identity: tuple[Path, Path], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway says which file it is and does not start, or goes on without what the file held."""
    file, marker = left / "var" / name, left / "ran"
    for rest in (f"{name}-wal", f"{name}-shm"):
        (left / "var" / rest).unlink(missing_ok=True)
    contents = [pickle.dumps(_Runs(marker))]
    if name.endswith(".json"):
        contents.append(_nested())
    for content in contents:
        file.write_bytes(content)
        with no_traceback(caplog):
            try:
                async with running(left / "plant.yaml") as plant:
                    if name == "certs/trusted/client.der":
                        trusted_client(plant, left / "client")
                    await _use(plant, identity)
            except PlantspaceError as refused:
                told(refused, file.name, str(file.parent))
            else:
                assert file.name in caplog.text or name.startswith("certs/trusted/")
        assert not marker.exists()


@pytest.mark.parametrize("name", ["users.sqlite", "audit.sqlite", "history.sqlite", "retained.json"])
async def test_threat_27_a_link_leads_nowhere(left: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What a link names elsewhere is neither changed nor truncated."""
    file, victim = left / "var" / name, left / "victim"
    victim.write_bytes(b"precious")
    file.unlink()
    file.symlink_to(victim)
    with no_traceback(caplog):
        try:
            async with running(left / "plant.yaml"):
                pass
        except PlantspaceError as refused:
            told(refused, name)
    assert victim.read_bytes() == b"precious"


async def test_threat_27_a_changed_record_of_the_audit_trail_is_found(left: Path) -> None:
    data = left / "var"
    verify = ["audit", "verify", "--data", str(data)]
    assert await asyncio.to_thread(main, verify) == 0
    with closing(sqlite3.connect(data / "audit.sqlite")) as trail:
        trail.execute("DROP TRIGGER record_update")
        kept = trail.execute("SELECT sequence, record FROM record ORDER BY sequence").fetchall()
        sequence, record = next(one for one in kept if b"ann" in one[1])
        trail.execute("UPDATE record SET record = ? WHERE sequence = ?", (record.replace(b"ann", b"bob"), sequence))
        trail.commit()
    assert await asyncio.to_thread(main, verify) != 0


async def test_threat_27_a_configuration_that_names_code_is_refused(
    left: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, marker = left / "plant.yaml", left / "ran"
    code = f"name: !!python/object/apply:os.system ['touch {marker}']\n"
    config.write_text(config.read_text(encoding="utf-8").replace("name: test\n", code), encoding="utf-8")
    assert await asyncio.to_thread(main, ["check", str(config)]) != 0
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert not marker.exists()


async def test_threat_27_values_that_were_kept_are_read_like_those_that_clients_send(
    left: Path, identity: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A null array of 2^31-1 in a file costs what it costs on the wire: nothing."""
    file = left / "var" / "retained.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    for node in kept["values"]:
        kept["values"][node][0] = (b"\x80" + pack("<i", MANY)).hex()
    file.write_text(json.dumps(kept), encoding="utf-8")
    with no_traceback(caplog):
        memory = Memory()
        began = time.process_time()
        async with running(left / "plant.yaml") as plant:
            await _use(plant, identity)
    assert time.process_time() - began < 4.0
    assert memory.taken < MUCH


async def test_threat_27_a_key_that_was_exchanged_is_told(left: Path) -> None:
    """A certificate of another key opens nothing: the gateway says which file, or makes its own anew."""
    data = left / "var" / "certs"
    await asyncio.to_thread(own_certificate, left / "other", "urn:test:other", "other")
    shutil.copy(left / "other" / "own.key.pem", data / "own.key.pem")
    try:
        async with running(left / "plant.yaml") as plant:
            await _use(plant, (left / "client" / "own.der", left / "client" / "own.key.pem"))
    except PlantspaceError as refused:
        told(refused, "own")
