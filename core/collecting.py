"""Puts garbage collection off while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def no_collection(*, freeze: bool = False) -> Generator[None]:
    """Keep the collector from looking, within, for garbage among nodes that all stay: it would be a third of the time.

    ``freeze``: nor shall it look at them afterwards; what is frozen holds no circles, or stays for good.
    Where it is off already it stays off, and nothing is frozen.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if freeze:
            gc.freeze()
        gc.enable()
