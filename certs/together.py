"""The gateway's own pairs and several trust lists changed as one: after a crash all of it is there, or none of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from certs import changes
from certs.changes import Files
from certs.errors import CertificateError


@dataclass(frozen=True, slots=True)
class Part:
    """What is to change in ``folder``. ``files`` is asked while it is held, and ``guard`` taken before."""

    folder: Path
    files: Callable[[], Files]
    guard: threading.Lock | None = None


def change_together(folder: Path, parts: Sequence[Part]) -> None:
    """Carry out changes of ``folder`` and of folders within it. Blocks until the disk has them.

    Raises :class:`CertificateError`; then nothing has changed, or the next look at ``folder`` brings all of it to its
    end. One at a time: whoever calls this twice at once might wait for himself.
    """
    try:
        folders = sorted({folder, *(part.folder for part in parts)}, key=lambda one: len(one.parts))
        for each in folders:
            changes.make_private(each)
            changes.settle(each)
        with ExitStack() as held:
            for guard in dict.fromkeys(part.guard for part in parts if part.guard is not None):
                held.enter_context(guard)
            for each in folders:
                held.enter_context(changes.locked(each, alone=True))
            wanted: dict[str, bytes | None] = {}
            for part in parts:
                within = part.folder.relative_to(folder)
                wanted |= {str(within / name): content for name, content in part.files().items()}
            changes.put(folder, wanted)
    except OSError as error:
        message = f"{folder}: the certificates cannot be changed: {error.strerror or error}"
        raise CertificateError(message) from error
