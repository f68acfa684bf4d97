"""What is known of one cloud's broker. The facts stand in ``presets/``, a file each, with the document that says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from server.pubsub.cloud.limits import Limits

Protocol = Literal["mqttv5", "mqttv311"]
Proof = Literal["certificate", "password", "shared_access"]
"""How a client shows who it is."""
TwinKind = Literal["shadow", "twin"]
"""AWS IoT's device shadow, or Azure IoT Hub's device twin."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One cloud's broker.

    ``protocols``: what it speaks, the first where the configuration names none; ``schemes``: of its address;
    ``alpn``: (port, proof) -> what TLS must offer there; ``proofs``: one of them must be given, any where it is empty;
    ``username``: how it is made where the configuration gives none, of ``{host}`` and ``{client_id}``;
    ``fixed_username``: no other will do; ``client_id``: the form that one must have, and then it must be given;
    ``device_topics``: all data go to the topics of Azure IoT Hub; ``sources``: which document says so, by the names of
    the limits and of these fields.
    """

    name: str
    title: str
    limits: Limits
    sources: Mapping[str, str]
    protocols: tuple[Protocol, ...] = ("mqttv5", "mqttv311")
    schemes: tuple[str, ...] = ("mqtts", "wss")
    alpn: Mapping[tuple[int, Proof], str] = field(default_factory=dict[tuple[int, Proof], str])
    proofs: tuple[Proof, ...] = ()
    username: str = ""
    fixed_username: bool = False
    client_id: re.Pattern[str] | None = None
    client_id_is: str = ""
    """What the client identifier is there, in words."""
    web_socket_path: str = ""
    device_topics: bool = False
    is_own: bool = False
    """Whether it is a broker that its user configures: its limits are what it has until somebody changes them."""
    twin: TwinKind | None = None
