"""An edge node of two devices as the tests want it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.datatypes import DataType
from core.time import now
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType
from server.pubsub.sparkplug.node import EdgeNode
from server.pubsub.sparkplug.settings import SparkplugSettings
from server.pubsub.sparkplug.state import NodeState

MOMENT = now()


def field(name: str, slot: int, datatype: DataType = DataType.DOUBLE, **more: Any) -> DataSetField:
    return DataSetField(name, slot, datatype, f"nsu=urn:plant;s={name}", **more)


FIELDS = {
    "filler": [field("Temperature", 0, unit="CEL", range=(0, 100)), field("Count", 1, DataType.INT32)],
    "capper": [field("Torque", 2)],
}


def values(
    datatype: DataType,
    index: Sequence[int],
    given: Sequence[Any],
    status: int = 0,
    moment: int = MOMENT,
    **more: Any,
) -> FieldValues:
    """Make a part: every value at ``moment`` with one StatusCode."""
    column = np.empty(len(given), datatype.dtype)
    column[:] = list(given)
    count = len(given)
    return FieldValues(
        datatype,
        np.array(index, np.int32),
        column,
        np.full(count, status, np.uint32),
        np.full(count, moment, np.int64),
        np.full(count, moment, np.int64),
        **more,
    )


def frame(*parts: FieldValues) -> Frame:
    return Frame(MessageType.DELTA_FRAME, 1, MOMENT, parts)


PRESENT = {
    "filler": (values(DataType.DOUBLE, [0], [21.5]), values(DataType.INT32, [1], [-7])),
    "capper": (values(DataType.DOUBLE, [0], [3.0], 0x80310000),),
}


def edge_node(
    folder: Path, fields: dict[str, list[DataSetField]] | None = None, **settings: Any
) -> tuple[EdgeNode, NodeState]:
    """Load the state in ``folder``, make the node and save it."""
    state = NodeState(folder / "sparkplug.json")
    state.load()
    chosen = SparkplugSettings.model_validate({"group": "Plant", "node": "line-1", **settings})
    node = EdgeNode(chosen, "gateway", fields or FIELDS, state, properties={"Software": "Plantspace"})
    state.save()
    return node, state
