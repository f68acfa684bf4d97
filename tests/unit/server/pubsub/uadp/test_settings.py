from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import SettingError
from server.pubsub.uadp.publisher_id import PublisherId, PublisherIdType
from server.pubsub.uadp.settings import UadpSettings


def test_the_defaults_are_those_of_annex_a_2_2() -> None:
    settings = UadpSettings()
    assert settings.network == ["PublisherId", "PayloadHeader"]
    assert settings.message == ["Timestamp", "Status", "MinorVersion", "SequenceNumber"]
    assert settings.publisher_id_type is PublisherIdType.String


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"network": ["PublisherId", "GroupVersion"]}, "GroupVersion stand in the group header"),
        ({"network": ["PicoSeconds"]}, "belong to a Timestamp"),
        ({"message": ["PicoSeconds"]}, "belong to a Timestamp"),
        ({"network": ["GroupHeader", "WriterGroupId"]}, "WriterGroupId is wanted, but there is none"),
        ({"network": ["DataSetClassId"]}, "dataset_class: belong together"),
        ({"promoted": ["f"]}, "promoted: belong together"),
        ({"network": ["PublisherId"], "topic": "group"}, "nothing in a message would tell whose it is"),
    ],
)
def test_what_does_not_fit_together_is_told(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        UadpSettings.model_validate(given)


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [("255", "Byte", 255), ("0", "UInt16", 0), ("18446744073709551615", "UInt64", 2**64 - 1), ("5", "String", "5")],
)
def test_a_publisher_is_a_number_where_it_has_to_be(name: str, kind: str, value: int | str) -> None:
    assert PublisherId.of(name, PublisherIdType[kind]).value == value


@pytest.mark.parametrize(("name", "kind"), [("256", "Byte"), ("line-1", "UInt16"), ("007", "UInt32"), ("-1", "UInt64")])
def test_one_that_is_none_is_told(name: str, kind: str) -> None:
    with pytest.raises(SettingError, match=f"the publisher '{name}' is no {kind}"):
        PublisherId.of(name, PublisherIdType[kind])
