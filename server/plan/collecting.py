"""Puts garbage collection off while the address space is being made."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Generator[None]:
    """Keep the collector from looking, within, for garbage among nodes that all stay: it would be a third of the time.

    Where it is off already it stays off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
