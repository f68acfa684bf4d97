"""Monitored items and their filters as CreateMonitoredItems takes them."""

from __future__ import annotations

from typing import Any

VALUE, EVENT_NOTIFIER = 13, 12
DISABLED, SAMPLING, REPORTING = 0, 1, 2


def item(
    node: str,
    handle: int = 1,
    *,
    sampling: float = 0.0,
    size: int = 10,
    discard_oldest: bool = True,
    mode: int = REPORTING,
    filtered: dict[str, Any] | None = None,
    attribute: int = VALUE,
    index_range: str | None = None,
) -> dict[str, Any]:
    """Describe a monitored item to create."""
    return {
        "itemToMonitor": {"nodeId": node, "attributeId": attribute, "indexRange": index_range},
        "monitoringMode": mode,
        "requestedParameters": parameters(
            handle, sampling=sampling, size=size, discard_oldest=discard_oldest, filtered=filtered
        ),
    }


def parameters(
    handle: int = 1,
    *,
    sampling: float = 0.0,
    size: int = 10,
    discard_oldest: bool = True,
    filtered: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe MonitoringParameters."""
    return {
        "clientHandle": handle,
        "samplingInterval": sampling,
        "filter": filtered,
        "queueSize": size,
        "discardOldest": discard_oldest,
    }


def data_change(trigger: int, deadband: int = 0, width: float = 0.0) -> dict[str, Any]:
    """Describe a DataChangeFilter."""
    return {"is": "DataChangeFilter", "trigger": trigger, "deadbandType": deadband, "deadbandValue": width}
