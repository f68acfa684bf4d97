"""A method of PublishSubscribe that is refused: the StatusCode for the client, the reason and the mend for the log."""

from __future__ import annotations

from core.errors import Finding, InputError, PlantspaceError


class PubSubRefused(PlantspaceError):  # noqa: N818 - the name says what became of the call
    """A call that has changed nothing. ``status``: its StatusCode."""

    def __init__(self, status: int, problem: str, mend: str = "") -> None:
        """Say what is wrong and what would be right."""
        self.status = status
        super().__init__(f"{problem} ({mend})" if mend else problem)


def refused_for(status: int, findings: tuple[Finding, ...] | list[Finding]) -> PubSubRefused:
    """Refuse for what the checks of the configuration have found."""
    return PubSubRefused(status, str(InputError(list(findings))))
