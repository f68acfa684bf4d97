from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from drivers.modbus.encoding import Area
from drivers.modbus.settings import BlockLimits, Endpoint, ModbusSettings


def made(url: str = "tcp://meter", **keys: Any) -> ModbusSettings:
    return ModbusSettings.model_validate({"driver": "modbus", "url": url, **keys})


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("tcp://10.0.0.7", Endpoint("10.0.0.7", 502)),
        ("tcp://10.0.0.7:5020", Endpoint("10.0.0.7", 5020)),
        ("tcp://meter.plant/", Endpoint("meter.plant", 502)),
        ("tcp://[fe80::1]:1502", Endpoint("fe80::1", 1502)),
    ],
)
def test_url_names_host_and_port(url: str, endpoint: Endpoint) -> None:
    assert made(url).endpoint == endpoint


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtu:///dev/ttyUSB0?baudrate=9600", "rtu:// is not in this release"),
        ("rtuovertcp://10.0.0.7:4001", "rtuovertcp:// is not in this release"),
        ("tls://10.0.0.7", "tls:// is not in this release"),
        ("http://10.0.0.7", "tcp://"),
        ("10.0.0.7:502", "tcp://"),
        ("tcp://", "names no host"),
        ("tcp://:502", "names no host"),
        ("tcp://10.0.0.7:0", "port"),
        ("tcp://10.0.0.7:70000", "is no address"),
        ("tcp://10.0.0.7:x", "port"),
        ("tcp://10.0.0.7/?unit=2", "more than host and port"),
        ("tcp://[fe80::1", "is no address"),
    ],
)
def test_other_urls_are_refused_with_words(url: str, words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        made(url)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "keys",
    [{"unit": 256}, {"unit": -1}, {"max_block": 126}, {"max_block": 0}, {"in_flight": 0}, {"byte_order": "abdc"},
     {"offset_base": "two"}, {"kinds": {"holdings": {}}}, {"kinds": {"holding": {"gap": 1}}}, {"wrong": 1}],
)  # fmt: skip
def test_settings_outside_their_limits_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**keys)


def test_limits_of_a_kind_go_before_the_devices() -> None:
    settings = made(max_block=60, max_gap=4, kinds={"input": {"max_block": 20}, "coil": {"max_gap": 100}})
    assert settings.limits_of(Area.HOLDING) == BlockLimits(60, 4)
    assert settings.limits_of(Area.INPUT) == BlockLimits(20, 4)
    assert settings.limits_of(Area.COIL) == BlockLimits(2000, 100)
    assert made(kinds={"holding": {"max_block": 2000}}).limits_of(Area.HOLDING) == BlockLimits(125, 8)
