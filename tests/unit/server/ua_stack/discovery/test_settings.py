"""What may be written under ``server:`` for discovery."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from server.ua_stack.discovery.settings import (
    DiscoveryServerSettings,
    HostName,
    ReverseConnectSettings,
    host_and_port,
)


def test_a_url_is_enough() -> None:
    lds = DiscoveryServerSettings.model_validate({"url": "opc.tcp://lds:4840"})
    assert (lds.every, lds.security) == (600.0, ["Sign", "SignAndEncrypt"])
    reverse = ReverseConnectSettings.model_validate({"url": "opc.tcp://[::1]"})
    assert host_and_port(reverse.url) == ("::1", 4840)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://lds:4840"},
        {"url": "opc.tcp://"},
        {"url": "opc.tcp://lds:0"},
        {"url": "opc.tcp://lds:65536"},
        {"url": "opc.tcp://user@lds:4840"},
        {"url": "opc.tcp://lds:٤٨٤٠"},
        {"url": "opc.tcp://lds:4840", "every": "11min"},
        {"url": "opc.tcp://lds:4840", "every": "0s"},
        {"url": "opc.tcp://lds:4840", "security": []},
        {"url": "opc.tcp://lds:4840", "mode": "Sign"},
        {},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DiscoveryServerSettings.model_validate(wrong)


def test_a_client_has_one_connection_that_waits_and_one_to_use() -> None:
    with pytest.raises(ValidationError):
        ReverseConnectSettings.model_validate({"url": "opc.tcp://client:4841", "connections": 1})


def test_host_names_have_no_port() -> None:
    names = TypeAdapter[list[str]](list[HostName])
    assert names.validate_python(["gate.example", "10.0.0.7", "fd00::7"]) == ["gate.example", "10.0.0.7", "fd00::7"]
    for wrong in ("gate.example:4840", "opc.tcp://gate", "a b", "", "gate/path"):
        with pytest.raises(ValidationError):
            names.validate_python([wrong])
