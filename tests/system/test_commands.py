"""Commands by MQTT: a real broker, another's client, and the gateway's own checks, audit and read-back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from core.time import TICKS_PER_SECOND, now, to_iso
from server.address_space.keys import key_of
from server.address_space.node import AccessAttributes
from server.audit.changes import AuditUpdateMethod, AuditWriteUpdate
from server.audit.connections import AuditSecurity
from server.pubsub.commands.request import read_command
from server.pubsub.commands.settings import CommandSettings
from server.pubsub.commands.store import Entry
from tests.broker import Broker, free_port
from tests.system.commanded import Commanded, add_user, commanded, node
from tests.system.plant import Plant, lay_down, running
from tests.waiting import until


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncGenerator[Plant]:
    async with running(lay_down(tmp_path, port=free_port(), anonymous="Observer")) as one:
        await add_user(one, "line", "Operator")
        yield one


def symbols(answer: dict[str, Any]) -> list[str]:
    return [one["status"]["Symbol"] for one in answer["results"]]


def write(name: str, *values: tuple[str, Any], **more: Any) -> dict[str, Any]:
    """Make a command that writes nodes of the tank."""
    return {"id": name, "writes": [{"node": node(one), "value": value} for one, value in values], **more}


async def test_values_are_written_by_the_rights_of_the_moment_and_read_back(plant: Plant, mosquitto: Broker) -> None:
    async with commanded(plant, mosquitto, "rights", settings=CommandSettings(user="line", rate=500)) as line:
        answer = await line.ask(
            write(
                "1", ("Level", 20.5), ("Count", 3), ("Total", "9007199254740993"), ("Name", "Säge"), ("Limits", [4, 5])
            )
        )
        assert symbols(answer) == ["Good"] * 5
        assert [one["value"] for one in answer["results"]] == [20.5, 3, "9007199254740993", "Säge", [4, 5]]
        assert (answer["id"], answer["duplicate"], line.value("Total")) == ("1", False, 9007199254740993)
        answer = await line.ask({"id": "2", "writes": [{"node": "/Objects/Tank/Ratio", "value": 0.1}]})
        assert answer["results"][0]["value"] == pytest.approx(0.1)
        records = line.records(AuditWriteUpdate)
        assert len(records) == 6
        assert {(one.client_user_id, one.client_application_uri) for one in records} == {("line", mosquitto.url)}
        assert records[-1].client_audit_entry_id == "rights/json/commands/p 2"

        wrong = [
            ("Count", 1.5),
            ("Count", 1 << 40),
            ("Count", "7"),
            ("Count", True),
            ("Count", None),
            ("Serial", 1),
            ("Gone", 1),
        ]
        answer = await line.ask(write("3", *wrong, all_or_nothing=False))
        assert symbols(answer) == [
            "BadTypeMismatch", "BadOutOfRange", "Good", "BadTypeMismatch", "BadTypeMismatch", "BadNotWritable",
            "BadNodeIdUnknown",
        ]  # fmt: skip
        assert all("error" in one for one in answer["results"] if one["status"]["Symbol"] != "Good")
        assert line.value("Count") == 7
        # With one that cannot be written, none is; each refusal has its audit event.
        done = len(line.records(AuditWriteUpdate))
        answer = await line.ask(write("4", ("Count", 8), ("Serial", 1)))
        assert symbols(answer) == ["BadOperationAbandoned", "BadNotWritable"]
        assert line.value("Count") == 7
        (record,) = line.records(AuditWriteUpdate)[done:]
        assert (record.status, record.message) == (False, "BadNotWritable")

    # A node for encrypted connections only.
    space = plant.gateway.plan.stack.internal.space
    held = space[key_of(plant.node("Level"))]
    held.access = AccessAttributes(access_restrictions=2)
    space.rights.changed()
    for secure, symbol in ((False, "BadSecurityModeInsufficient"), (True, "Good")):
        async with commanded(
            plant, mosquitto, f"s-{secure}", settings=CommandSettings(user="line"), secure=secure
        ) as line:
            assert symbols(await line.ask(write("1", ("Level", 3.0)))) == [symbol]
    held.access = None
    space.rights.changed()
    # Rights are those of the moment.
    async with commanded(plant, mosquitto, "moment", settings=CommandSettings(user="line")) as line:
        administration, store = line.administration, plant.gateway.doors.access.store
        assert symbols(await line.ask(write("1", ("Count", 1)))) == ["Good"]
        await administration.set_roles("line", add=["Observer"], remove=["Operator"])
        answer = await line.ask(write("2", ("Count", 2)))
        assert symbols(answer) == ["BadUserAccessDenied"]
        assert line.records(AuditWriteUpdate)[-1].status is False
        await administration.set_roles("line", add=["Operator"])
        lock = plant.gateway.doors.access.logins.users
        while not lock.failed("line"):  # whoever knows the name alone must not stop commands
            pass
        assert lock.remaining("line") > 0
        assert symbols(await line.ask(write("3", ("Count", 3)))) == ["Good"]
        await administration.set_enabled("line", enabled=False)
        answer = await line.ask(write("4", ("Count", 4)))
        assert (answer["status"]["Symbol"], "disabled" in answer["error"]) == ("BadUserAccessDenied", True)
        await administration.remove("line")
        answer = await line.ask(write("5", ("Count", 5)))
        assert (answer["status"]["Symbol"], "no such user" in answer["error"]) == ("BadUserAccessDenied", True)
        assert len(line.records(AuditSecurity)) == 2
        assert (line.value("Count"), store.snapshot.users) == (3, {})


async def test_a_command_is_done_once_and_methods_are_called_where_they_may_be(plant: Plant, mosquitto: Broker) -> None:
    async with commanded(plant, mosquitto, "once", settings=CommandSettings(user="line")) as line:
        first = await line.ask(write("a", ("Count", 1)))
        plant.put("Count", 55)
        again = await line.ask(write("a", ("Count", 1)))
        assert again == {**first, "duplicate": True}
        assert line.value("Count") == 55
        other = await line.ask(write("a", ("Count", 2)))
        assert other["status"]["Symbol"] == "BadEntryExists"
        # Without a response topic the answer is below the commands' topic, by the id.
        await line.answer_to(json.dumps(write("b", ("Count", 6))).encode(), "-q", "0")
        assert (line.sent[-1].topic, line.value("Count")) == ("once/json/commands/p/answers/b", 6)
        # Together in one burst, too.
        sent = len(line.sent)
        twice = json.dumps(write("burst", ("Count", 6)))
        await _lines(line, f"{twice}\n{twice}\n{twice}".encode())
        await until(lambda: len(line.sent) == sent + 3)
        told = [json.loads(one.payload) for one in line.sent[sent:]]
        assert [(one["status"]["Symbol"], one["duplicate"]) for one in told] == [("Good", False), *[("Good", True)] * 2]
        # One that was under way when the gateway was killed has an id on disk and no answer.
        digest = b"%s" % _digest(write("c", ("Count", 7)))
        assert await line.store.begin("once/json", [Entry("c", digest)]) == [None]
    async with commanded(plant, mosquitto, "once", settings=CommandSettings(user="line")) as line:
        answer = await line.ask(write("c", ("Count", 7)))
        assert (answer["status"]["Symbol"], answer["duplicate"]) == ("BadRequestInterrupted", True)
        assert (await line.ask(write("a", ("Count", 1))))["duplicate"] is True
        assert line.value("Count") == 6
        # What cannot be recorded is not done.
        await line.store.stop()
        answer = await line.ask(write("d", ("Count", 9)))
        assert (answer["status"]["Symbol"], line.value("Count")) == ("BadResourceUnavailable", 6)
    # Methods are called where they may be.
    settings = CommandSettings(user="line", methods=True, allow=["/Objects/Server*", "/Objects/Tank/Count"])
    async with commanded(plant, mosquitto, "calls", settings=settings) as line:
        call = {"object": "i=2253", "method": "GetMonitoredItems", "arguments": [1]}
        answer = await line.ask({"id": "1", "call": call})
        assert answer["call"]["status"]["Symbol"] == "BadSubscriptionIdInvalid"
        answer = await line.ask({"id": "2", "call": {**call, "arguments": {"SubscriptionId": 1.5}}})
        assert answer["call"]["status"]["Symbol"] == "BadInvalidArgument"
        assert "SubscriptionId" in answer["call"]["error"]
        for arguments, symbol in (([], "BadArgumentsMissing"), ([1, 2], "BadTooManyArguments")):
            answer = await line.ask({"id": f"n{len(arguments)}", "call": {**call, "arguments": arguments}})
            assert answer["call"]["status"]["Symbol"] == symbol
        answer = await line.ask({"id": "3", "call": {**call, "method": "Nothing"}})
        assert answer["call"]["status"]["Symbol"] == "BadMethodInvalid"
        answer = await line.ask({"id": "4", "call": {**call, "object": "/Objects/Tank"}})
        assert answer["call"]["status"]["Symbol"] == "BadMethodInvalid"
        records = line.records(AuditUpdateMethod)
        assert [one.client_audit_entry_id.split()[-1] for one in records] == ["1", "2", "n0", "n2", "3", "4"]
        assert not any(one.status for one in records)
        answer = await line.ask(write("5", ("Level", 1.0), ("Count", 1)))
        assert symbols(answer) == ["BadUserAccessDenied", "BadOperationAbandoned"]
        answer = await line.ask({**write("6", ("Level", 1.0)), "call": call})
        assert answer["call"]["status"]["Symbol"] == "BadOperationAbandoned"
        assert symbols(await line.ask(write("7", ("Count", 1)))) == ["Good"]


def _digest(command: dict[str, Any]) -> bytes:
    return read_command(json.dumps(command).encode(), 10_000).digest


async def test_what_is_no_command_or_too_many_changes_nothing_and_is_answered(plant: Plant, mosquitto: Broker) -> None:
    settings = CommandSettings(user="line", max_size=2000, answers=["others/+"], rate=500)
    async with commanded(plant, mosquitto, "bad", settings=settings) as line:
        good = write("x", ("Count", 1))
        past, to_come = (to_iso(now() + one * TICKS_PER_SECOND) for one in (-5, 3600))
        for payload, symbol, words in (
            (b"\x00\xff\xfe", "BadDecodingError", "UTF-8"),
            (b"{", "BadDecodingError", "JSON"),
            (b'{"id": "n", "writes": [{"node": "i=1", "value": NaN}]}', "BadDecodingError", "NaN"),
            (b"[" * 900 + b"]" * 900, "BadEncodingLimitsExceeded", "levels"),
            (b'"' + b"x" * 3000 + b'"', "BadEncodingLimitsExceeded", "bytes"),
            (b'{"id": "a", "id": "b"}', "BadDecodingError", "twice"),
            (b"7", "BadInvalidArgument", "object"),
            ({**good, "id": "a/b"}, "BadInvalidArgument", "id"),
            ({**good, "all_or_noting": True}, "BadInvalidArgument", "key"),
            ({"id": "e"}, "BadNothingToDo", "nothing"),
            ({**good, "id": "f", "expires": past}, "BadTimeout", "expired"),
            (
                {"id": "g", "call": {"object": "i=2253", "method": "GetMonitoredItems"}},
                "BadUserAccessDenied",
                "methods",
            ),
        ):
            answer = await line.ask(payload)
            assert (answer["status"]["Symbol"], words in answer["error"]) == (symbol, True), answer
        for response in ("bad/json/data/p/g/w", line.topic, "$SYS/x", "spBv1.0/g/NCMD/n", "free/topic"):
            await line.tell(json.dumps(good).encode(), "-D", "publish", "response-topic", response)
        await until(lambda: len(line.sent) == 12 + 5)
        assert {one.topic for one in line.sent[12:]} == {"bad/json/commands/p/answers/x"}
        assert (line.value("Count"), line.way_back.commands is not None) == (7, True)
        await line.tell(json.dumps(good).encode(), "-r")
        await until(lambda: len(line.sent) == 18)
        assert (
            json.loads(line.sent[-1].payload)["results"][0]["status"]["Symbol"] == "Good"
        )  # it is new to who was there
        plant.put("Count", 7)
        answer = await line.ask({**good, "id": "y", "expires": to_come}, response="others/here")
        assert symbols(answer) == ["Good"]
        assert len(line.records(AuditSecurity)) == 17
    async with commanded(plant, mosquitto, "bad", settings=settings) as line:
        await until(lambda: line.sent)
        answer = json.loads(line.sent[-1].payload)
        assert (answer["status"]["Symbol"], "retained" in answer["error"]) == ("BadRequestTimeout", True)
        await line.tell(b"", "-r")

    # A flood is answered within bounds.
    settings = CommandSettings(user="line", rate=10)
    async with commanded(plant, mosquitto, "flood", settings=settings) as line:
        payload = "\n".join(json.dumps(write(f"f{number}", ("Count", number))) for number in range(400)).encode()
        began = time.monotonic()
        await _lines(line, payload)
        handler = line.way_back.commands
        assert handler is not None
        await until(lambda: handler.counters.received == 400)
        counters = handler.counters
        await until(lambda: counters.done + counters.refused == 400)
        took = time.monotonic() - began
        # Two seconds' worth at once and then what comes due; five times as many refusals are answered.
        assert 20 <= counters.done <= 20 + 10 * took
        answered = counters.refused - counters.unanswered
        assert answered <= 50 + 50 * took
        told = [json.loads(one.payload)["status"]["Symbol"] for one in line.sent]
        assert told.count("BadTooManyOperations") == answered
        assert 0 < len(line.records(AuditSecurity)) <= 10


async def _lines(line: Commanded, payload: bytes) -> None:
    """Publish each line as a message."""
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_pub", "-h", line.broker.host, "-p", str(line.broker.port), "-t", line.topic, "-q", "1", "-l"),
        stdin=subprocess.PIPE,
    )
    await process.communicate(payload)
