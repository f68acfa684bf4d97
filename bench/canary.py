"""Tells how steady the machine is: ``python -m bench.canary``; a line on stdin ends it.

It sleeps a millisecond at a time and counts how often it came back late. A machine that stalls it stalls what is
measured too, whoever is to blame for it.
"""

from __future__ import annotations

import json
import sys
import threading
import time

_NAP = 0.001
_LATE = 0.008
"""s; a scan of 10 ms that takes 2 is missed when the machine stands still for this long."""


def main() -> None:
    """Nap until told to stop, then print the count."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
    late: list[float] = []
    last = time.monotonic()
    while not over.is_set():
        time.sleep(_NAP)
        now = time.monotonic()
        if now - last > _LATE + _NAP:
            late.append(now - last - _NAP)
        last = now
    longest = round(max(late, default=0.0) * 1e3, 1)
    print(json.dumps({"stalls_over_8_ms": len(late), "longest_stall_ms": longest}), flush=True)


if __name__ == "__main__":
    main()
