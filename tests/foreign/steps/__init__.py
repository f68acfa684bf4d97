"""The script of the subscriptions' semantics, step by step, as ``subscription_script.md`` tells it."""

from __future__ import annotations

from tests.foreign.steps import aggregates, changes, events, filters, items, messages, queues, requests, server_methods
from tests.foreign.steps.step import Step

# In the order of the document.
STEPS: tuple[Step, ...] = (
    *items.STEPS,
    *queues.STEPS,
    *filters.STEPS,
    *aggregates.STEPS,
    *changes.STEPS,
    *messages.STEPS,
    *requests.STEPS,
    *server_methods.STEPS,
    *events.STEPS,
)
