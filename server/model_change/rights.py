"""Who may change the model: ConfigureAdmin (Part 3 v1.05 4.9.2). The one place that says so."""

from __future__ import annotations

from server.ua_stack.sessions import GatewaySession


def may_configure(session: GatewaySession | None) -> bool:
    """Tell whether a session may look at uploaded NodeSets and apply them; None is the gateway itself.

    Clients are anonymous, Observer or Operator: none has the role.
    """
    return session is None
