"""Certificates that were refused, kept to be looked at: the newest ones, within bounds."""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from certs.certificate import Certificate
from certs.changes import make_private

_log = logging.getLogger("plantspace.certs")


@dataclass(frozen=True, slots=True)
class RejectedFolder:
    """``most`` files and ``most_bytes`` are kept; the oldest go first."""

    folder: Path
    most: int
    most_bytes: int

    def keep(self, certificate: Certificate) -> None:
        """Keep one; one that is there is the newest again. Never raises: what cannot be kept is told in the log."""
        file = self.folder / f"{certificate.fingerprint}.der"
        try:
            make_private(self.folder)
            if file.exists():
                os.utime(file)
            else:
                self._write(file, certificate.der)
                self._clear()
        except OSError as error:
            _log.warning("a refused certificate cannot be kept: %s", error)

    def _write(self, file: Path, der: bytes) -> None:
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(der)
            draft.replace(file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _clear(self) -> None:
        held: list[tuple[int, int, Path]] = []
        for file in self.folder.iterdir():
            with suppress(FileNotFoundError):  # another thread clears, too
                state = file.stat()
                held.append((state.st_mtime_ns, state.st_size, file))
        total = 0
        for count, (_, size, file) in enumerate(sorted(held, reverse=True), start=1):
            total += size
            if count > self.most or total > self.most_bytes:
                file.unlink(missing_ok=True)
