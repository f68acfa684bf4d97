"""Messages as columns are the same sequence of messages."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pubsub.columns import EncodedMessages, Form, Messages
from server.pubsub.contract import Encoded, MqttMessage

MESSAGES = st.builds(
    MqttMessage,
    st.sampled_from(["a", "b/c"]),
    st.binary(max_size=3),
    st.integers(0, 1),
    st.booleans(),
    kind=st.sampled_from(["", "ua-data"]),
    expiry=st.sampled_from([None, 7]),
)


@given(st.lists(MESSAGES, max_size=6), st.data())
def test_columns_are_the_messages(messages: list[MqttMessage], data: st.DataObject) -> None:
    columns = Messages.of(messages)
    assert list(columns) == messages
    assert Messages.of(columns) is columns
    places = data.draw(st.lists(st.sampled_from(range(len(messages))), max_size=5)) if messages else []
    assert list(columns.chosen(places)) == [messages[place] for place in places]
    cut = data.draw(st.integers(0, 6))
    assert list(columns[:cut]) == messages[:cut]
    assert Messages.joined([columns[:cut], columns[cut:]]) == columns
    assert columns.sizes() == [len(one.topic) + len(one.payload) for one in messages]
    alike = len({(one.qos, one.retain, one.kind, one.expiry) for one in messages}) == 1
    assert (columns.form is not None) == alike


@given(st.lists(st.builds(Encoded, MESSAGES, st.integers(0, 9)), max_size=6), st.integers(0, 6))
def test_what_is_encoded_keeps_its_values(encoded: list[Encoded], cut: int) -> None:
    columns = EncodedMessages.of(encoded)
    assert list(columns) == encoded
    assert EncodedMessages.of(columns) is columns
    assert list(columns[cut:]) == encoded[cut:]


def test_a_form_is_all_of_a_message_but_topic_and_payload() -> None:
    assert ("topic", "payload", *Form._fields) == tuple(one.name for one in fields(MqttMessage))
    message = MqttMessage("t", b"p")
    assert MqttMessage("t", b"p", *Form()) == message


def test_columns_are_no_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Messages.of([]))
