"""What Eclipse Tahu's library writes is read, and what is written anew from that is the same to it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from server.pubsub.sparkplug.payload import decode_payload, encode_payload

FOREIGN = Path(__file__).resolve().parents[4] / "foreign"


def codec(*arguments: str) -> str:
    node = shutil.which("node")
    if node is None or not (FOREIGN / "node_modules" / "sparkplug-payload").is_dir():
        pytest.skip("node or sparkplug-payload is not installed: run `npm install` in tests/foreign")
    done = subprocess.run([node, str(FOREIGN / "sparkplug_codec.js"), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_everything_of_a_payload_goes_both_ways() -> None:
    theirs = codec()
    payload = decode_payload(bytes.fromhex(theirs))
    assert (payload.timestamp, payload.seq, payload.uuid, payload.body) == (1790000000000, 7, "schema", b"body")
    metrics: dict[str | None, Any] = {one.name: one for one in payload.metrics}
    first = metrics["Int8"]
    assert (first.int_value, first.alias, first.is_historical, first.is_transient) == (0xFFFFFFFB, 300, True, True)
    assert metrics["Int64"].long_value == 1234567890123
    assert metrics["Null"].is_null
    assert (metrics["Bytes"].bytes_value, metrics["Bytes"].metadata.file_name) == (b"\0\xff", "x")
    assert metrics["Properties"].properties.keys == ["engUnit", "more"]
    table = metrics["Table"].dataset_value
    assert [[one.long_value or one.string_value for one in row.elements] for row in table.rows] == [[1, "x"], [2, "y"]]
    motor = metrics["Motor"].template_value
    assert (motor.template_ref, motor.metrics[0].double_value, motor.parameters[0].double_value) == (
        *("MotorType", 1400),
        1500,
    )
    ours = encode_payload(payload).hex()
    assert json.loads(codec(ours)) == json.loads(codec(theirs))
