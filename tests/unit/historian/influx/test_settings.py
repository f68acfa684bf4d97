from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.settings import Secret
from historian.influx.settings import InfluxSettings, ServerAddress, address_of

V1: dict[str, Any] = {"url": "http://influx", "database": "plantspace"}
V2: dict[str, Any] = {"url": "https://influx:443/db", "api": "v2", "org": "plant", "bucket": "line1"}


def test_addresses_are_taken_apart() -> None:
    assert address_of("http://influx") == ServerAddress("influx", 8086, secure=False, path="")
    assert address_of("https://[::1]:443/db/") == ServerAddress("::1", 443, secure=True, path="/db")


def test_a_bucket_is_the_database_that_is_asked_unless_another_is_named() -> None:
    assert InfluxSettings(**V2).queried == "line1"
    assert InfluxSettings(**V2, database="mapped").queried == "mapped"
    assert InfluxSettings(**V1).queried == "plantspace"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "influx:8086", "database": "d"}, "reached by http"),
        ({"url": "http://u:p@influx", "database": "d"}, "must not hold a user"),
        ({"url": "http://influx:99999", "database": "d"}, "not the address"),
        ({"url": "http://influx?db=x", "database": "d"}, "not the address"),
        ({"url": "http://influx"}, "no database is named"),
        ({**V1, "bucket": "b"}, "belong to api: v2"),
        ({**V2, "bucket": ""}, "needs an organisation and a bucket"),
        ({**V2, "create": True}, "administrator"),
        ({**V1, "password": Secret("x")}, "without a username"),
        ({**V1, "username": "u", "token": Secret("x")}, "keep one"),
        ({**V1, "token": Secret("x\r\nHost: y")}, "no HTTP header"),
        ({**V1, "ca_file": "ca.pem"}, "not encrypted"),
        ({**V2, "key_file": "key.pem"}, "without certificate_file"),
        ({**V1, "measurement": "a\nb"}, "control characters"),
        ({**V1, "measurement": "#x"}, "no name for a measurement"),
        ({**V1, "database": "a\nb"}, "control characters"),
    ],
)
def test_what_does_not_go_together_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        InfluxSettings(**given)


def test_files_begin_beside_the_configuration() -> None:
    settings = InfluxSettings(**V2, ca_file="ca.pem").beside(Path("/etc/plantspace"))
    assert (settings.ca_file, settings.key_file) == ("/etc/plantspace/ca.pem", "")


def test_secrets_are_not_shown() -> None:
    assert "s3cret" not in repr(InfluxSettings(**V2, token=Secret("s3cret")))
