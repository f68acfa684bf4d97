"""A small line's model, and plans of configurations beside it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from core.errors import InputError
from server.plan import Plan, plan_gateway

URI = "urn:test:line"
_HEAD = """\
<?xml version="1.0" encoding="utf-8"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
           xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
  <NamespaceUris><Uri>urn:test:line</Uri></NamespaceUris>
  <Models><Model ModelUri="urn:test:line" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z"/></Models>
"""
_VARIABLES = (
    ("Temperature", 10, 'AccessLevel="1"', ""),
    ("Setpoint", 11, 'AccessLevel="3"', ""),
    ("Running", 1, 'AccessLevel="1"', ""),
    ("Label", 12, 'AccessLevel="1"', ""),
    ("Recipe", 12, 'AccessLevel="3"', "<Value><uax:String>Cola</uax:String></Value>"),
    ("Total", 9, 'AccessLevel="1" Historizing="true"', ""),
    ("Limits", 6, 'AccessLevel="3" ValueRank="1"', ""),
)


def node(tag: str, name: str, more: str = "", *, parent: str = "ns=1;s=Line", kind: str = "", value: str = "") -> str:
    """Write a node of the line. ``kind``: its type definition."""
    typed = f'<Reference ReferenceType="i=40">{kind}</Reference>' if kind else ""
    return f"""\
  <{tag} NodeId="ns=1;s={name}" BrowseName="1:{name.rpartition(".")[2]}" {more}>
    <DisplayName>{name}</DisplayName>
    <References>
      {typed}
      <Reference ReferenceType="i={35 if parent == "i=85" else 47}" IsForward="false">{parent}</Reference>
    </References>
    {value}
  </{tag}>
"""


def model(*more: str) -> str:
    """Write the line's NodeSet: /Objects/Line with variables, a method without arguments and one with."""
    variables = [
        node("UAVariable", name, f'DataType="i={kind}" {attributes}', kind="i=63", value=value)
        for name, kind, attributes, value in _VARIABLES
    ]
    fill = """\
  <UAVariable NodeId="ns=1;s=Fill.In" BrowseName="InputArguments" DataType="i=296" ValueRank="1">
    <DisplayName>InputArguments</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=68</Reference>
      <Reference ReferenceType="i=46" IsForward="false">ns=1;s=Fill</Reference>
    </References>
    <Value><uax:ListOfExtensionObject><uax:ExtensionObject>
      <uax:TypeId><uax:Identifier>i=297</uax:Identifier></uax:TypeId>
      <uax:Body><uax:Argument>
        <uax:Name>Amount</uax:Name><uax:DataType><uax:Identifier>i=11</uax:Identifier></uax:DataType>
        <uax:ValueRank>-1</uax:ValueRank><uax:ArrayDimensions/>
      </uax:Argument></uax:Body>
    </uax:ExtensionObject></uax:ListOfExtensionObject></Value>
  </UAVariable>
"""
    nodes = [
        node("UAObject", "Line", parent="i=85", kind="i=58"),
        *variables,
        node("UAMethod", "Start"),
        node("UAMethod", "Fill"),
        fill,
        *more,
    ]
    return _HEAD + "".join(nodes) + "</UANodeSet>\n"


def lay_down(folder: Path, config: str, **files: str) -> Path:
    """Write a configuration and the files beside it, ``bindings_csv`` as bindings.csv; the model unless it is given."""
    texts = {"line_xml": model(), **files}
    for name, text in texts.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    path = folder / "plant.yaml"
    path.write_text(config, encoding="utf-8")
    return path


@asynccontextmanager
async def planned(folder: Path, config: str, **files: str) -> AsyncGenerator[Plan]:
    """Make a plan and throw it away."""
    plan = await plan_gateway(lay_down(folder, config, **files))
    try:
        yield plan
    finally:
        await plan.discard()


async def told(folder: Path, config: str, **files: str) -> list[str]:
    """Give what is told of a configuration, each as ``file:line:column: problem (mend)`` with the file's name alone."""
    try:
        async with planned(folder, config, **files):
            return []
    except InputError as error:
        return [str(finding).replace(f"{folder}/", "") for finding in error.findings]
