"""A Mosquitto on which a cloud's limits are imposed: certificates, rights by name, sizes, what it does not retain."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.broker import Broker, find_mosquitto
from tests.unit.server.pubsub.mqtt.certificates import Authority

AWS_LIMITS: Final = ("message_size_limit 131072", "max_keepalive 1200", "max_qos 1")
HUB_LIMITS: Final = ("message_size_limit 262144", "retain_available false", "max_qos 1")
ACCESS = """\
user cloud
topic readwrite #
topic readwrite $aws/#
topic readwrite $iothub/#
pattern readwrite $aws/things/%u/shadow/#
pattern write opcua/json/+/%u
pattern write opcua/json/+/%u/#
pattern read opcua/json/commands/%u
pattern readwrite $iothub/twin/#
pattern write devices/%u/messages/events/#
"""


class Place:
    """A broker and what it takes to be let in. ``files``: ``line-1`` and ``cloud`` -> authority, certificate, key."""

    def __init__(self, folder: Path, *limits: str) -> None:
        if find_mosquitto() is None:
            pytest.skip("mosquitto is not installed: apt-get install mosquitto")
        authority = Authority(folder)
        certificate, key = authority.sign("broker")
        (folder / "acl").write_text(ACCESS, encoding="utf-8")
        tls = (f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}", "require_certificate true")
        more = ("use_identity_as_username true", f"acl_file {folder}/acl", *limits)
        self.files = {name: (authority.file, *authority.sign(name)) for name in ("line-1", "cloud")}
        self.broker = Broker(folder / "mosquitto", anonymous=False, options=[*tls, *more])
