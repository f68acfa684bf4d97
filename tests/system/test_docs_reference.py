"""The reference pages on configuration and command line are the code's own settings and help texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from analytics.contract import OperatorSettings
from analytics.registry import find_operators
from core.durations import parse_duration
from core.errors import SettingError
from drivers import registry
from drivers.contract import DeviceSettings
from drivers.modbus.settings import KindLimits
from drivers.simulator.settings import Generate
from historian.influx.settings import InfluxSettings
from historian.settings import OutboxSettings, RetentionSettings
from server.audit.settings import AuditRetentionSettings, AuditSettings
from server.cli import main
from server.cli.main import _parser  # pyright: ignore[reportPrivateUsage] - the parser knows its commands
from server.configuration import (
    SECTIONS_ELSEWHERE,
    GatewaySettings,
    HistorianSettings,
    LimitSettings,
    ModelSettings,
    ServerSettings,
)
from server.event_history.settings import EventHistorySettings
from server.metrics.settings import MetricsSettings
from server.permissions.settings import PermissionSettings
from server.pubsub.settings import ConnectionSettings, DataSetSettings
from server.ua_stack.discovery.settings import DiscoveryServerSettings, ReverseConnectSettings
from server.ua_stack.secure_channel.settings import ChannelSettings
from server.users.settings import (
    ClaimSettings,
    IssuerSettings,
    LockOutSettings,
    PasswordSettings,
    RoleSettings,
    UserSettings,
)
from tests.conftest import ROOT
from tests.pages import blocks, code, prose, table

CONFIGURATION = ROOT / "docs/reference/configuration.md"
COMMANDS = ROOT / "docs/reference/cli.md"
_WORDS: dict[str, Callable[[FieldInfo, object], bool]] = {
    "must be given": lambda field, _: field.is_required(),
    "see below": lambda _, default: isinstance(default, BaseModel),
    "none": lambda field, default: not field.is_required() and (default is None or default == {}),
    "empty": lambda _, default: default == "",
}
"""What the page writes for a default that is no value, and what is so then."""

MODELS: dict[str, tuple[type[BaseModel], type[BaseModel] | None]] = {
    "server": (ServerSettings, None),
    "server.channels": (ChannelSettings, None),
    "server.discovery_server": (DiscoveryServerSettings, None),
    "server.reverse_connect": (ReverseConnectSettings, None),
    "model": (ModelSettings, None),
    "model.limits": (LimitSettings, None),
    "historian": (HistorianSettings, None),
    "historian.retention": (RetentionSettings, None),
    "historian.influxdb": (InfluxSettings, None),
    "historian.events": (EventHistorySettings, None),
    "outbox": (OutboxSettings, None),
    "metrics": (MetricsSettings, None),
    "users": (UserSettings, None),
    "users.password": (PasswordSettings, None),
    "users.lock_out": (LockOutSettings, None),
    "users.issuers": (IssuerSettings, None),
    "users.issuers.claims": (ClaimSettings, None),
    "roles": (RoleSettings, None),
    "permissions": (PermissionSettings, None),
    "audit": (AuditSettings, None),
    "audit.retention": (AuditRetentionSettings, None),
    "devices: every driver": (DeviceSettings, None),
    "devices: modbus: kinds": (KindLimits, None),
    "devices: simulator: generate": (Generate, None),
    "analytics: every operator": (OperatorSettings, None),
    "pubsub": (ConnectionSettings, None),
    "pubsub.datasets": (DataSetSettings, None),
    **{f"devices: {name}": (registry.manifest(name).settings, DeviceSettings) for name in registry.names()},
    **{f"analytics: {name}": (manifest.settings, OperatorSettings) for name, manifest in find_operators().items()},
}
"""Heading -> the settings of its table, and those whose keys stand in another table."""


@pytest.mark.parametrize("heading", MODELS)
def test_every_key_is_told_with_its_default_and_none_is_invented(heading: str) -> None:
    model, base = MODELS[heading]
    elsewhere = set(base.model_fields) if base is not None else set[str]()
    fields = {field.alias or name: field for name, field in model.model_fields.items() if name not in elsewhere}
    rows = {code(row[0])[0]: row[1] for row in table(CONFIGURATION, heading)}
    assert list(rows) == list(fields)
    for key, told in rows.items():
        assert _says(told, fields[key]), f"{heading}: the default of {key} is not {told}"


def test_top_level_keys_are_told() -> None:
    rows = [code(row[0])[0] for row in table(CONFIGURATION, "Top level")]
    assert sorted(rows) == sorted([*GatewaySettings.model_fields, *SECTIONS_ELSEWHERE])


def test_no_table_of_keys_is_left_over() -> None:
    headings = [line.removeprefix("## ") for line in prose(CONFIGURATION).splitlines() if line.startswith("## ")]
    assert set(headings) - {"The whole", "Top level"} == set(MODELS)


def _says(told: str, field: FieldInfo) -> bool:
    """Tell whether a cell gives a field's default."""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    for word, meant in _WORDS.items():
        if told == word:
            return meant(field, default)
    written = code(told)[0]
    if isinstance(default, float):
        return _number(written) == default
    if isinstance(default, tuple):
        default = list(cast("tuple[object, ...]", default))
    return default == (written if isinstance(default, str) else yaml.safe_load(written))


def _number(written: str) -> float:
    """Read a number, or a duration in seconds."""
    try:
        return parse_duration(written)
    except SettingError:
        return float(written)


def _commands(parser: argparse.ArgumentParser, name: str = "plantspace") -> Iterator[str]:
    """Give the commands that ``--help`` lists, each with those inside it."""
    yield name
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage] - argparse names it nowhere else
            listed = {choice.dest for choice in action._choices_actions}
            inner = cast("Mapping[str, argparse.ArgumentParser]", action.choices)  # pyright: ignore[reportUnknownMemberType]
            for word, below in inner.items():
                if word in listed:
                    yield from _commands(below, f"{name} {word}")


def test_every_command_is_told_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    headings = [line for line in prose(COMMANDS).splitlines() if line.startswith("## ")]
    told = [block.text.split() for block in blocks(COMMANDS)]
    assert [code(heading)[0] for heading in headings] == list(_commands(_parser()))
    for heading, text in zip(headings, told, strict=True):
        assert main([*code(heading)[0].split()[1:], "--help"]) == 0
        # Compared by words: where lines break is Python's to say.
        assert text == capsys.readouterr().out.split(), heading
