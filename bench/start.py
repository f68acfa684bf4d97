"""From the start of ``plantspace run`` to *ready*, with Devices, IA and Machinery: first, and with the kept model.

Beside a plain asyncua server that imports the same files before it listens.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from bench.processes import Process, free_port, work_folder
from nodesets.library import published
from nodesets.resolver import resolve

MACHINERY = "http://opcfoundation.org/UA/Machinery/"
KEPT = 5
_PEER = """\
import asyncio, logging, sys
from asyncua import Server
async def main():
    logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{sys.argv[1]}")
    for file in sys.argv[2:]:
        await server.import_xml(file, strict_mode=False)
    async with server:
        print("ready", flush=True)
asyncio.run(main())
"""


def _configuration(folder: Path) -> Path:
    uri = "urn:bench:line"
    needs = f'<RequiredModel ModelUri="{MACHINERY}"/>'
    (folder / "line.NodeSet2.xml").write_text(
        f'<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"><NamespaceUris><Uri>{uri}</Uri>'
        f'</NamespaceUris><Models><Model ModelUri="{uri}">{needs}</Model></Models></UANodeSet>',
        encoding="utf-8",
    )
    file = folder / "start.yaml"
    file.write_text(
        f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
model: {{nodesets: [line.NodeSet2.xml]}}
""",
        encoding="utf-8",
    )
    return file


def _seconds(command: list[str]) -> float:
    began = time.monotonic()
    with Process(command) as child:
        child.line()
        return time.monotonic() - began


def _unpacked(folder: Path) -> list[str]:
    files: list[str] = []
    for header in resolve([published()[MACHINERY][0].file]).files:
        target = folder / header.file.stem
        with gzip.open(header.file) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
        files.append(str(target))
    return files


def main() -> None:
    """Start each server some times."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        run = [sys.executable, "-m", "plantspace", "run", str(_configuration(folder))]
        first, *kept = (_seconds(run) for _ in range(KEPT + 1))
        outcome["plantspace"] = {"first_seconds": first, "kept_seconds": sorted(kept)}
        peer = [sys.executable, "-c", _PEER, str(free_port()), *_unpacked(folder)]
        outcome["asyncua"] = {"seconds": sorted(_seconds(peer) for _ in range(2))}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
