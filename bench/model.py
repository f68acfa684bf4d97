"""NodeSets into an address space: ours beside asyncua's import_xml, each file in a process of its own.

Some published sets, then all of them together (ours alone: asyncua's importer cannot load them).
"""

# The seam on asyncua, whose annotations are partial.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false
from __future__ import annotations

import argparse
import asyncio
import gc
import gzip
import json
import logging
import shutil
import time
from pathlib import Path
from typing import Any

from bench.processes import Process, memory_bytes, module, work_folder

DI = "http://opcfoundation.org/UA/DI/"
_TRIES = 4
SETS = (DI, "http://opcfoundation.org/UA/Machinery/", "http://opcfoundation.org/UA/Pumps/")


def ours(uris: list[str]) -> dict[str, Any]:
    """Read sets with all that they require, and load them into an address space."""
    from nodesets.library import published  # noqa: PLC0415 - the peer's process loads nothing of ours
    from nodesets.model import read_model  # noqa: PLC0415
    from nodesets.names import STANDARD_NAMESPACE  # noqa: PLC0415
    from nodesets.resolver import Resolution, resolve  # noqa: PLC0415
    from server.address_space.space import AddressSpace  # noqa: PLC0415
    from server.gateway import settle_memory  # noqa: PLC0415
    from server.ua_stack.model_nodes import load_model, namespace_array  # noqa: PLC0415

    def loaded(resolution: Resolution) -> tuple[float, AddressSpace, int]:
        began = time.perf_counter()
        model = read_model(resolution)
        findings = len(model.findings)
        space = AddressSpace()
        load_model(space, model, namespace_array(model, "urn:bench"))
        return time.perf_counter() - began, space, findings

    gc.disable()
    library = {uri: files[0].file for uri, files in published().items() if uri != STANDARD_NAMESPACE}
    sets = resolve([library[uri] for uri in uris] if uris else list(library.values()))
    loaded(Resolution(()))  # what is imported and built once is not the sets'
    before = memory_bytes()
    seconds, space, findings = loaded(sets)
    settle_memory()
    outcome: dict[str, Any] = {"nodes": len(space.nodes), "findings": findings}
    if uris:  # in turn, and the best of each: what the machine does meanwhile is more than a small set takes
        pairs = [(loaded(Resolution(()))[0], loaded(sets)[0]) for _ in range(_TRIES)]
        standard, seconds = (min(column) for column in zip(*pairs, strict=True))
        outcome["seconds_without_the_standard_namespace"] = seconds - standard
    else:
        outcome["bytes_a_node"] = (memory_bytes() - before) / len(space.nodes)
    return {**outcome, "seconds": seconds}


async def peer(uris: list[str]) -> dict[str, Any]:
    """Import the same sets with asyncua, leniently, into a server that has the standard namespace."""
    from asyncua import Server  # noqa: PLC0415 - ours is measured without it

    from nodesets.library import published  # noqa: PLC0415
    from nodesets.resolver import resolve  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    order = resolve([published()[uri][0].file for uri in uris]).files
    before = len(server.iserver.aspace._nodes)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - nothing public counts them
    with work_folder() as folder:
        files = [_unpacked(header.file, folder) for header in order]
        began = time.perf_counter()
        for file in files:
            await server.import_xml(str(file), strict_mode=False)
        seconds = time.perf_counter() - began
    nodes = len(server.iserver.aspace._nodes) - before  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as above
    await server.stop()
    return {"nodes": nodes, "seconds": seconds}


def _unpacked(file: Path, folder: Path) -> Path:
    target = folder / file.stem
    with gzip.open(file) as packed, target.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target


def main() -> None:
    """Measure each set in processes of its own, or one set in this one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("who", nargs="?", choices=["ours", "peer"])
    parser.add_argument("uris", nargs="*")
    arguments = parser.parse_args()
    if arguments.who == "ours":
        print(json.dumps(ours(arguments.uris)))
    elif arguments.who == "peer":
        print(json.dumps(asyncio.run(peer(arguments.uris))))
    else:
        print(json.dumps(_compared()))


def _compared() -> dict[str, Any]:
    outcome: dict[str, Any] = {}
    for uri in SETS:
        mine, theirs = _run("ours", uri), _run("peer", uri)
        faster = theirs["seconds"] / mine["seconds_without_the_standard_namespace"]
        outcome[uri] = {"plantspace": mine, "asyncua": theirs, "times_faster": faster}
    outcome["all"] = {"plantspace": _run("ours")}
    return outcome


def _run(who: str, *uris: str) -> dict[str, Any]:
    with Process(module("bench.model", who, *uris)) as child:
        return child.finish()


if __name__ == "__main__":
    main()
