from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from nodesets.built_in_types import QualifiedName
from nodesets.exporting.texts import TextWriter, moment, number
from nodesets.names import STANDARD_NAMESPACE, NodeName

_TEXTS = TextWriter((STANDARD_NAMESPACE, "urn:a"), {NodeName.standard(47): "HasComponent"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-1.0, "-1"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (math.inf, "INF"),
        (-math.inf, "-INF"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_as_xml_has_them(value: float, text: str) -> None:
    assert number(value) == text


def test_dates_are_in_utc() -> None:
    assert moment(datetime(2024, 5, 1, tzinfo=UTC)) == "2024-05-01T00:00:00Z"
    assert moment(datetime(2024, 5, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == "2024-05-01T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (QualifiedName("urn:a", "Speed"), "1:Speed"),
        (QualifiedName(STANDARD_NAMESPACE, "Server"), "Server"),
        (QualifiedName(STANDARD_NAMESPACE, "a:b"), "a:b"),
        (QualifiedName(STANDARD_NAMESPACE, "1:b"), "0:1:b"),
        (QualifiedName(STANDARD_NAMESPACE, None), ""),
    ],
)
def test_names_with_their_namespace(name: QualifiedName, text: str) -> None:
    assert _TEXTS.qualified(name) == text


def test_node_ids_by_index_and_by_alias() -> None:
    assert _TEXTS.node(NodeName("urn:a", "s", "x;y")) == "ns=1;s=x;y"
    assert _TEXTS.node(NodeName("urn:a", "b", b"\x00")) == "ns=1;b=AA=="
    assert _TEXTS.alias(NodeName.standard(47)) == "HasComponent"
    assert _TEXTS.alias(NodeName.standard(46)) == "i=46"
    assert _TEXTS.attribute(NodeName.standard(47)) == "i=47"
