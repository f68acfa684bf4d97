"""The plant with a second model beside it, for what clients may ask of the Attribute and View services."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from tests.system.plant import Plant, lay_down

URI = "urn:test:services"
MODEL = Path(__file__).parent / "models" / "services.NodeSet2.xml"


def lay_down_services(folder: Path, *, port: int, anonymous: str = "Operator") -> Path:
    """Write the plant's configuration with both models."""
    config = lay_down(folder, port=port, anonymous=anonymous)
    shutil.copy(MODEL, folder)
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[plant.NodeSet2.xml]", f"[plant.NodeSet2.xml, {MODEL.name}]"), encoding="utf-8")
    return config


def node(plant: Plant, identifier: int | str) -> ua.NodeId:
    """Give the NodeId of a node of the second model."""
    index = ua.Int16(plant.index(URI))
    held = ua.Int32(identifier) if isinstance(identifier, int) else ua.String(identifier)
    return ua.NodeId(held, index)


def text(plant: Plant, identifier: int | str) -> str:
    """Write the NodeId of a node of the second model."""
    return f"ns={plant.index(URI)};{'i' if isinstance(identifier, int) else 's'}={identifier}"


async def limit(client: Client, name: str) -> int:
    """Read what the server says of itself beneath ServerCapabilities."""
    number = getattr(ua.ObjectIds, f"Server_ServerCapabilities_{name}")
    return int(await client.get_node(ua.NodeId(ua.Int32(number))).read_value())


async def refusal(ask: Callable[..., Any], *arguments: Any) -> str:
    """Give the name of the ServiceResult that refuses a whole request."""
    with pytest.raises(UaStatusCodeError) as refused:
        await ask(*arguments)
    return ua.StatusCode(ua.UInt32(refused.value.code)).name


def names(results: Sequence[Any]) -> list[str]:
    """Give the names of operations' StatusCodes."""
    return [(one if isinstance(one, ua.StatusCode) else one.StatusCode).name for one in results]
