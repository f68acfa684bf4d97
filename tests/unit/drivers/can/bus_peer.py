"""Another station on a multicast CAN bus, run as a process of its own: ``bus_peer.py PORT``.

Each line of its input is sent: ``256 0102`` a data frame, ``E64 0000`` an error frame, ``X`` a datagram and no frame.
Each data frame that it hears is written as a line: ``256 0102``.
"""

from __future__ import annotations

import socket
import sys
import threading

import can

GROUP = "239.74.163.2"
EXTENDED = 0x8000_0000


def hear(bus: can.BusABC, closing: threading.Event) -> None:
    while not closing.is_set():
        message = bus.recv(0.1)
        if message is not None and not message.is_error_frame:
            key = message.arbitration_id | EXTENDED * message.is_extended_id
            print(key, bytes(message.data).hex(), flush=True)  # noqa: T201 - how it tells


def say(bus: can.BusABC, port: int, line: str) -> None:
    kind, _, data = line.strip().partition(" ")
    if kind == "X":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stray:
            stray.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
            stray.sendto(b"no frame", (GROUP, port))
        return
    is_error = kind.startswith("E")
    key = int(kind.removeprefix("E"))
    extended = key >= EXTENDED or is_error
    bus.send(
        can.Message(
            arbitration_id=key & 0x1FFFFFFF,
            is_extended_id=extended,
            is_error_frame=is_error,
            data=bytes.fromhex(data),
        )
    )


def main() -> None:
    port = int(sys.argv[1])
    closing = threading.Event()
    with can.Bus(interface="udp_multicast", channel=GROUP, port=port, hop_limit=0) as bus:
        hearing = threading.Thread(target=hear, args=(bus, closing))
        hearing.start()
        print("ready", flush=True)  # noqa: T201 - how it tells
        for line in sys.stdin:
            say(bus, port, line)
        closing.set()
        hearing.join()


if __name__ == "__main__":
    main()
