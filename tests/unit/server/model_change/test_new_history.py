"""History of points that a changed model brings: it begins with the change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import Client, Node, ua

from tests.unit.server.model_change.line import PLAIN, lines, variable
from tests.unit.server.plan.line import model
from tests.waiting import until

PATTERNS = f"{PLAIN}historian: {{nodes: ['/Objects/Line/*Kept']}}\n"
SEVEN = ua.Variant(7.0, ua.VariantType.Double)
SAID = 'AccessLevel="3" Historizing="true"'


async def history(node: Node) -> list[object]:
    """Give the values that are kept, the oldest first."""
    found = await node.read_raw_history(datetime(2020, 1, 1, tzinfo=UTC), numvalues=10, return_bounds=False)
    return [one.Value.Value for one in found if one.Value is not None and one.Value.Value is not None]


async def test_new_points_have_history_where_the_model_or_the_configuration_says_so(tmp_path: Path) -> None:
    old = (variable("AlsoKept", 1.0), variable("Later", 1.0))
    new = (*old[:1], variable("Later", 1.0, more=SAID), variable("NewKept", 4.5), variable("Said", 5.5, more=SAID))
    new = (*new, variable("Not", 6.5))
    async with lines(tmp_path, PATTERNS, line_xml=model(*old)) as line, Client(line.gateway.url) as client:
        report = await line.becomes(*new)
        assert report.applied
        assert report.notes == ()
        first = {"NewKept": 4.5, "Said": 5.5, "Later": 1.0}
        for name, value in first.items():
            path = f"/Objects/Line/{name}"
            node = client.get_node(line.plan.directory.find(path))
            assert await line.write(path, SEVEN) == 0
            level: Any = (await node.read_attribute(ua.AttributeIds.AccessLevel)).Value
            assert level.Value & 0x04
            historizing: Any = (await node.read_attribute(ua.AttributeIds.Historizing)).Value
            assert historizing.Value is True

            async with asyncio.timeout(30):
                while await history(node) != [value, 7.0]:
                    stored = line.gateway.counters()["stored"]
                    await until(lambda stored=stored: line.gateway.counters()["stored"] >= stored)
        assert line.plan.counts()["historized points"] == 5
        refused = await line.becomes(*new[:3])
        assert "/Objects/Line/Said has its history kept, and the new model does not have it" in refused.text()
    async with lines(tmp_path, PATTERNS, line_xml=model(*new)) as line, Client(line.gateway.url) as client:
        node = client.get_node(line.plan.directory.find("/Objects/Line/Said"))
        assert (await history(node))[:2] == [5.5, 7.0]


async def test_variables_whose_history_begins_say_so_and_can_be_annotated(tmp_path: Path) -> None:
    # Part 11 v1.05 5.1.2, 5.2.3
    old = (variable("AlsoKept", 1.0), variable("Later", 1.0))
    new = (old[0], variable("Later", 1.0, more=SAID), variable("NewKept", 4.5))
    async with lines(tmp_path, PATTERNS, line_xml=model(*old)) as line, Client(line.gateway.url) as client:
        assert (await line.becomes(*new)).applied
        for name in ("AlsoKept", "Later", "NewKept"):
            node = client.get_node(line.plan.directory.find(f"/Objects/Line/{name}"))
            assert ua.AccessLevel.HistoryWrite in await node.get_access_level()
            assert len(await node.get_referenced_nodes(ua.ObjectIds.HasHistoricalConfiguration)) == 1
            assert (
                await (await node.get_child("0:Annotations")).read_data_type()
            ).Identifier == ua.ObjectIds.Annotation
