from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from core.datatypes import DataType
from nodesets.resolver import resolve
from nodesets.validation import read_outlines
from server.ua_stack.browse import Directory
from server.ua_stack.sketch import sketch
from server.ua_stack.stack import EndpointOptions, UaStack
from tests.unit.server.plan.line import model, node

_OPTIONS = EndpointOptions("opc.tcp://127.0.0.1:0", "test", "urn:test", ["None"], "Observer", "0")


@asynccontextmanager
async def _sketched(folder: Path, text: str) -> AsyncGenerator[tuple[Directory, frozenset[str]]]:
    file = folder / "line.xml"
    file.write_text(text, encoding="utf-8")
    stack = UaStack(_OPTIONS)
    try:
        await stack.prepare()
        lost = await sketch(stack, read_outlines(resolve([file])))
        yield Directory(stack.internal.aspace, await stack.namespaces()), lost
    finally:
        await stack.stop()


async def test_names_types_and_access_are_those_of_the_file(tmp_path: Path) -> None:
    async with _sketched(tmp_path, model()) as (directory, lost):
        temperature = directory.find("/Objects/Line/Temperature")
        assert directory.built_in_type(temperature) is DataType.FLOAT
        assert directory.access_level(directory.find("/Objects/Line/Setpoint")) == 3
        assert directory.built_in_type(directory.find("/Objects/Line/Limits")) is DataType.VARIANT
        assert directory.is_historizing(directory.find("nsu=urn:test:line;s=Total"))
        assert directory.is_method(directory.find("/Objects/Line/Start"))
        assert directory.instances[temperature].path == "/Objects/Line/Temperature"
        assert lost == frozenset()


async def test_a_node_that_nothing_leads_to_is_lost_with_all_beneath_it(tmp_path: Path) -> None:
    filler = node("UAObject", "Filler", kind="i=58", parent="ns=1;s=Lime")
    level = node("UAVariable", "Filler.Level", 'DataType="i=10"', kind="i=99999", parent="ns=1;s=Filler")
    async with _sketched(tmp_path, model(filler, level)) as (_, lost):
        assert lost == {"Filler", "Level"}


async def test_a_type_of_a_model_that_is_not_there_is_no_type(tmp_path: Path) -> None:
    strange = node("UAVariable", "Strange", 'DataType="ns=2;i=7"', kind="ns=2;i=8")
    text = model(strange).replace("</NamespaceUris>", "<Uri>urn:test:other</Uri></NamespaceUris>")
    async with _sketched(tmp_path, text) as (directory, lost):
        assert directory.built_in_type(directory.find("/Objects/Line/Strange")) is DataType.VARIANT
        assert lost == frozenset()


async def test_a_reference_written_at_both_ends_is_one(tmp_path: Path) -> None:
    both = node("UAObject", "Both", kind="i=58")
    inverse = '<Reference ReferenceType="i=35" IsForward="false">i=85</Reference>'
    text = model(both).replace(inverse, f'{inverse}<Reference ReferenceType="i=47">ns=1;s=Both</Reference>')
    async with _sketched(tmp_path, text) as (directory, _):
        assert directory.find("/Objects/Line/Both") == directory.find("nsu=urn:test:line;s=Both")
        paths = [instance.path for instance in directory.instances.values()]
        assert paths.count("/Objects/Line/Both") == 1
