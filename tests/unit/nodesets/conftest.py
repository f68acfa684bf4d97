# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from asyncua import Server

Writer = Callable[..., Path]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Give an initialised server that serves nobody."""
    server = Server()
    await server.init()
    yield server
    await server.stop()


@pytest.fixture
def nodeset(tmp_path: Path) -> Writer:
    """Give a function that writes a NodeSet of the model urn:test whose nodes are a given text."""

    def write(nodes: str, *, uri: str = "urn:test", required: str = "", name: str = "test") -> Path:
        file = tmp_path / f"{name}.NodeSet2.xml"
        needs = f'<RequiredModel ModelUri="{required}"/>' if required else ""
        more = f"<Uri>{required}</Uri>" if required else ""
        file.write_text(
            '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"'
            ' xmlns:u="http://opcfoundation.org/UA/2008/02/Types.xsd"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<NamespaceUris><Uri>{uri}</Uri>{more}</NamespaceUris>"
            f'<Models><Model ModelUri="{uri}" Version="1.0" PublicationDate="2024-01-01T00:00:00.5">{needs}</Model>'
            "</Models>"
            f"\n{nodes}\n</UANodeSet>",
            encoding="utf-8",
        )
        return file

    return write
