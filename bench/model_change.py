"""How long a live change of the model holds the event loop: nodes that come, change and go, 100 and 10 000 of them.

``held_ms`` is the change itself, between two requests; ``longest_wait_ms`` the longest that anything waited for the
loop from the first byte read to the last event sent, the reading and comparing beside it included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path

from bench.processes import Process, free_port, module, work_folder
from server.gateway import Gateway, settle_memory
from server.plan import plan_gateway

SIZES = (100, 10_000)
ROUNDS = 3
_NAP = 0.001
_HEAD = """\
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd" xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
<NamespaceUris><Uri>urn:bench:line</Uri></NamespaceUris><Models><Model ModelUri="urn:bench:line"/></Models>
<UAObject NodeId="ns=1;s=Line" BrowseName="1:Line"><References><Reference ReferenceType="i=40">i=58</Reference>
<Reference ReferenceType="i=35" IsForward="false">i=85</Reference></References></UAObject>
"""


def _model(count: int, value: float) -> str:
    variables = (
        f'<UAVariable NodeId="ns=1;i={number}" BrowseName="1:V{number}" DataType="i=11" AccessLevel="3"><References>'
        '<Reference ReferenceType="i=40">i=63</Reference>'
        '<Reference ReferenceType="i=47" IsForward="false">ns=1;s=Line</Reference></References>'
        f"<Value><uax:Double>{value}</uax:Double></Value></UAVariable>\n"
        for number in range(1, count + 1)
    )
    return f"{_HEAD}{''.join(variables)}</UANodeSet>\n"


async def _longest_wait(over: asyncio.Event) -> float:
    """Nap until told to stop; give the longest that a nap came too late, in seconds."""
    longest = 0.0
    while not over.is_set():
        began = time.perf_counter()
        await asyncio.sleep(_NAP)
        longest = max(longest, time.perf_counter() - began - _NAP)
    return longest


async def _changed(gateway: Gateway, file: Path, text: str) -> dict[str, float]:
    await asyncio.to_thread(file.write_text, text, "utf-8")
    over = asyncio.Event()
    waiting = asyncio.create_task(_longest_wait(over))
    began = time.perf_counter()
    report = await gateway.model.reload()
    whole = time.perf_counter() - began
    over.set()
    longest = await waiting
    if not report.applied:
        raise RuntimeError(report.text())
    return {"held_ms": report.seconds * 1e3, "longest_wait_ms": longest * 1e3, "whole_ms": whole * 1e3}


async def _measured(folder: Path) -> dict[str, object]:
    file, config = folder / "line.NodeSet2.xml", folder / "change.yaml"
    file.write_text(_model(0, 0.0), encoding="utf-8")
    config.write_text(
        f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
model: {{nodesets: [line.NodeSet2.xml]}}
""",
        encoding="utf-8",
    )
    gateway = Gateway(await plan_gateway(config))
    await gateway.start()
    settle_memory()
    gateway.model.is_settled = True
    outcome: dict[str, object] = {}
    try:
        for size in SIZES:
            rounds: dict[str, list[dict[str, float]]] = {"added": [], "changed": [], "removed": []}
            for _ in range(ROUNDS):
                rounds["added"].append(await _changed(gateway, file, _model(size, 1.0)))
                rounds["changed"].append(await _changed(gateway, file, _model(size, 2.0)))
                rounds["removed"].append(await _changed(gateway, file, _model(0, 0.0)))
            outcome[str(size)] = {
                what: {name: round(sorted(one[name] for one in made)[ROUNDS // 2], 2) for name in made[0]}
                for what, made in rounds.items()
            }
    finally:
        await gateway.stop()
    return outcome


def main() -> None:
    """Change a model, and give the median of some rounds; ``machine`` tells of stalls that are nobody's."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with work_folder() as folder, Process(module("bench.canary")) as canary:
        outcome = asyncio.run(_measured(folder))
        print(json.dumps({**outcome, "machine": canary.ask()}))


if __name__ == "__main__":
    main()
