"""Changes that a running gateway's model is not meant for: all or nothing, and who watches what stays goes on."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
from pathlib import Path

from asyncua import ua

from tests.system.patient import PatientClient
from tests.system.test_model_change import SIMULATED, Heard, named
from tests.unit.server.model_change.line import OTHER, PLAIN, lines, variable
from tests.unit.server.plan.line import model, node
from tests.waiting import until

SEVEN = ua.Variant(7.0, ua.VariantType.Double)
BOUND = PLAIN + (
    "devices: {sim: {driver: simulator, scan: 20ms, bindings:"
    " [{node: /Objects/Line/Heat, address: ramp}, {node: /Objects/Line/Box/Inside, address: ramp}]}}\n"
)
BOX = node("UAObject", "Box", kind="i=58")
INSIDE = variable("Box.Inside", 1.0).replace("ns=1;s=Line<", "ns=1;s=Box<")
HEAT = variable("Heat", 1.5)


async def test_new_points_live_in_subscriptions_and_reads_that_were_there_before(tmp_path: Path) -> None:
    """Their rows are behind those that the subscription's cohorts, and remembered requests, were made for."""
    old = [variable(f"Old{number}", 0.0) for number in range(20)]
    async with lines(tmp_path, line_xml=model(*old)) as line, PatientClient(line.gateway.url) as client:
        heard = Heard()
        subscription = await client.create_subscription(20, heard)
        watched = [named(client, line, f"/Objects/Line/Old{number}") for number in range(20)]
        await subscription.subscribe_data_change(watched, sampling_interval=0)
        await until(lambda: all(heard.values[one] for one in watched))
        assert await client.read_values(watched) == [0.0] * 20
        new = [variable(f"New{number}", 1.0) for number in range(20)]
        assert (await line.becomes(*old, *new)).applied
        added = [named(client, line, f"/Objects/Line/New{number}") for number in range(20)]
        assert await client.read_values([*watched, *added]) == [0.0] * 20 + [1.0] * 20
        await subscription.subscribe_data_change(added, sampling_interval=0)
        await until(lambda: all(heard.values[one] for one in added))
        for one in (*watched, *added):
            await one.write_value(7.0)
        await until(lambda: all(heard.values[one][-1].Value.Value == 7.0 for one in (*watched, *added)))
        assert await client.read_values([*watched, *added]) == [7.0] * 40


async def test_a_retyped_point_goes_on_for_who_watches_it(tmp_path: Path) -> None:
    async with lines(tmp_path, line_xml=model(HEAT)) as line, PatientClient(line.gateway.url) as client:
        heard = Heard()
        subscription = await client.create_subscription(20, heard)
        heat = named(client, line, "/Objects/Line/Heat")
        handle = await subscription.subscribe_data_change(heat, sampling_interval=0)
        await until(lambda: bool(heard.values[heat]))
        assert (await line.becomes(variable("Heat", 3, 6))).applied
        await until(lambda: heard.values[heat][-1].Value == ua.Variant(3, ua.VariantType.Int32))
        await subscription.modify_monitored_item(handle, new_samp_time=100, new_queuesize=5)
        await heat.write_value(4, ua.VariantType.Int32)
        await until(lambda: heard.values[heat][-1].Value.Value == 4)
        assert (await line.becomes(HEAT)).applied
        await until(lambda: heard.values[heat][-1].Value == ua.Variant(1.5, ua.VariantType.Double))
        await heat.write_value(7.0)
        await until(lambda: heard.values[heat][-1].Value.Value == 7.0)
        await subscription.unsubscribe(handle)


async def test_a_moved_node_keeps_its_value_and_those_who_watch_it(tmp_path: Path) -> None:
    async with lines(tmp_path, line_xml=model(BOX, HEAT)) as line, PatientClient(line.gateway.url) as client:
        heard = Heard()
        subscription = await client.create_subscription(20, heard)
        heat = named(client, line, "/Objects/Line/Heat")
        await subscription.subscribe_data_change(heat, sampling_interval=0)
        await heat.write_value(7.0)
        report = await line.becomes(BOX, HEAT.replace("ns=1;s=Line<", "ns=1;s=Box<"))
        assert report.applied
        assert line.plan.node_id("/Objects/Line/Heat") is None
        assert line.read("/Objects/Line/Box/Heat") == 7.0
        await heat.write_value(8.0)
        await until(lambda: bool(heard.values[heat]) and heard.values[heat][-1].Value.Value == 8.0)
        assert all(one.StatusCode is None or one.StatusCode.is_good() for one in heard.values[heat])


async def test_bound_nodes_are_not_retyped_orphaned_or_moved_out_and_their_values_go_on(tmp_path: Path) -> None:
    whole = model(BOX, INSIDE, HEAT)
    async with lines(tmp_path, BOUND, line_xml=whole) as line, PatientClient(line.gateway.url) as client:
        heard = Heard()
        subscription = await client.create_subscription(20, heard)
        bound = [named(client, line, f"/Objects/Line/{name}") for name in ("Heat", "Box/Inside")]
        await subscription.subscribe_data_change(bound, sampling_interval=0)
        for text in (
            model(BOX, INSIDE, variable("Heat", 3, 6)),
            model(HEAT),
            model(INSIDE, HEAT),
            model(BOX, HEAT),
            whole[:-20],
            whole.replace("ns=1;s=Box<", "ns=1;s=Nowhere<"),
            "",
        ):
            before = line.told_of_line()
            report = await line.becomes(text=text or " ")
            assert report.findings, text
            assert line.told_of_line() == before
        counts = [len(heard.values[one]) for one in bound]
        await until(lambda: all(len(heard.values[one]) > count + 5 for one, count in zip(bound, counts, strict=True)))


async def test_a_set_that_another_one_needs_cannot_go_and_with_that_one_it_can(tmp_path: Path) -> None:
    more = OTHER.format(version=1)
    async with lines(tmp_path, SIMULATED, other_xml=more) as line:
        before = line.told_of_line()
        (tmp_path / "line.xml").unlink()
        report = await line.gateway.model.reload()
        assert report.findings
        assert line.told_of_line() == before
        (tmp_path / "line.xml").write_text(model(), encoding="utf-8")
        (tmp_path / "other.xml").unlink()
        assert (await line.gateway.model.reload()).applied
        assert line.plan.node_id("/Objects/Line/Beside") is None


async def test_changes_that_come_at_once_are_made_one_after_the_other(tmp_path: Path) -> None:
    """Also while a client has the upload's file open: what it writes is taken when it asks for that."""
    async with lines(tmp_path) as line:
        file = line.gateway.model_object.file
        handle = file.open(None, 2 | 4)
        content = model(HEAT, variable("Import", 2.5)).encode()
        file.write(None, handle, content[:500])
        (tmp_path / "line.xml").write_text(model(HEAT), encoding="utf-8")
        changing = line.gateway.model
        reports = await asyncio.gather(
            changing.reload(), changing.reload(), changing.import_nodeset(content), changing.dry_run(content[:-30])
        )
        assert [one.applied for one in reports] == [True, True, True, False]
        assert reports[3].findings
        file.write(None, handle, content[500:])
        file.close(None, handle)
        assert file.content() == content
        assert (line.read("/Objects/Line/Heat"), line.read("/Objects/Line/Import")) == (1.5, 2.5)
        assert await line.write("/Objects/Line/Import", SEVEN) == 0
        assert (await changing.reload()).text() == "nothing has changed"
        assert line.read("/Objects/Line/Import") == 7.0
