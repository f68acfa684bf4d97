"""Why a command, or a part of one, is not carried out: a StatusCode, what is wrong, and the mend."""

from __future__ import annotations

from asyncua import ua

from core.errors import PlantspaceError


class CommandRefused(PlantspaceError):  # noqa: N818 - the name says what became of the command
    """Nothing was done. ``status``: a StatusCode; ``problem`` and ``mend`` are told to whoever asked."""

    def __init__(self, status: int, problem: str, mend: str = "") -> None:
        """Keep what is to be told."""
        self.status = int(status)
        self.problem = problem
        self.mend = mend
        super().__init__(problem + (f" ({mend})" if mend else ""))


def status_name(status: int) -> str:
    """Name a StatusCode as Part 6 v1.05 A.2 does."""
    return ua.StatusCode(ua.UInt32(status)).name


def status_object(status: int) -> dict[str, object]:
    """Give a StatusCode as JSON (Part 6 v1.05 5.4.2.11, VerboseEncoding)."""
    return {"Code": status, "Symbol": status_name(status)}
