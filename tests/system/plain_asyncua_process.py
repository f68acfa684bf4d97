"""The process behind :class:`tests.system.plain_asyncua.PlainServer`: asyncua's server as it is, in bounded memory."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import logging
import resource
import sys

from asyncua import Server, ua

_MEMORY = 1 << 30


async def _serve(port: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    name = await server.nodes.objects.add_variable(ua.NodeId("Name", 1), "1:Name", "sound")
    await name.set_writable()
    async with server:
        print("ready", flush=True)  # noqa: T201 - who started it waits for this
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    asyncio.run(_serve(int(sys.argv[1])))
