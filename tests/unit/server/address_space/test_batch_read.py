"""The Read service over encoded requests (Part 4 v1.05 5.11.2): right for any item, never stale, decoded once."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import itertools
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import Status
from core.time import to_datetime
from nodesets.nodes import NodeClass
from server.address_space import batch_read
from server.address_space.attributes import Attributes
from server.address_space.batch_read import MAX_PLANS, BatchRead
from server.address_space.points import Points
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from tests.unit.server.address_space.plant import FIRST, NOW, bind, item, key, node, put, read_body, results, variable

ANYONE = SessionContext()
TYPES = list(FIRST)


class Plant:
    def __init__(self, types: list[DataType], most: int = 2000) -> None:
        self.attributes = Attributes(AddressSpace(), lambda: NOW)
        self.image = bind(self.attributes, types)
        self.reading = BatchRead(self.attributes, most)

    def read(self, *items: ua.ReadValueId, context: SessionContext = ANYONE, **request: Any) -> list[ua.DataValue]:
        return results(self.reading.answer(read_body(*items, **request), context))


def refusal(plant: Plant, body: bytes) -> int:
    with pytest.raises(ServiceError) as raised:
        plant.reading.answer(body, ANYONE)
    return int(raised.value.code)


def test_a_read_is_refused_as_a_whole_as_the_service_says() -> None:
    """Part 4 v1.05 5.11.2.3."""
    plant = Plant([DataType.DOUBLE], most=2)
    wanted = item("p0")
    assert refusal(plant, read_body()) == ua.StatusCodes.BadNothingToDo
    assert refusal(plant, read_body(wanted, wanted, wanted)) == ua.StatusCodes.BadTooManyOperations
    assert refusal(plant, read_body(wanted, max_age=-1.0)) == ua.StatusCodes.BadMaxAgeInvalid
    assert refusal(plant, read_body(wanted, max_age=float("nan"))) == ua.StatusCodes.BadMaxAgeInvalid
    for wrong in (4, -1):
        body = read_body(wanted)
        body = body[:8] + wrong.to_bytes(4, "little", signed=True) + body[12:]
        assert refusal(plant, body) == ua.StatusCodes.BadTimestampsToReturnInvalid
    for end in range(len(read_body(wanted))):
        assert refusal(plant, read_body(wanted)[:end]) in (
            ua.StatusCodes.BadDecodingError,
            ua.StatusCodes.BadNothingToDo,
        )
    assert not len(plant.reading)


@pytest.mark.parametrize("copies", [1, 40])
def test_every_type_of_point_with_its_times(copies: int) -> None:
    """One by one where they are few, by columns where they are many: the same answer."""
    plant = Plant(TYPES)
    answers = plant.read(*[item(f"p{slot}") for slot in range(len(TYPES))] * copies)
    assert len(answers) == len(TYPES) * copies
    for kind, answer in zip(itertools.cycle(TYPES), answers, strict=False):
        expected = FIRST[kind]
        if kind is DataType.DATETIME:
            expected = to_datetime(expected)
        elif kind is DataType.STATUSCODE:
            expected = ua.StatusCode(expected)
        elif kind is DataType.VARIANT:
            expected = expected.Value
        assert answer.Value.Value == expected
        assert answer.StatusCode.value == 0
        assert answer.SourceTimestamp == to_datetime(NOW)
        assert answer.ServerTimestamp == to_datetime(NOW + 5)


@pytest.mark.parametrize("copies", [1, 40])
@pytest.mark.parametrize(
    ("timestamps", "source", "server"),
    [
        (ua.TimestampsToReturn.Source, True, False),
        (ua.TimestampsToReturn.Server, False, True),
        (ua.TimestampsToReturn.Neither, False, False),
    ],
)
def test_the_times_that_were_asked_for(
    timestamps: ua.TimestampsToReturn,
    source: bool,  # noqa: FBT001 - a parameter of the test
    server: bool,  # noqa: FBT001 - as above
    copies: int,
) -> None:
    plant = Plant([DataType.INT32, DataType.STRING])
    for answer in plant.read(*[item("p0"), item("p1"), item("p0", 4)] * copies, timestamps=timestamps):
        is_value = answer.Value.VariantType is not ua.VariantType.LocalizedText
        assert (answer.SourceTimestamp is not None) == (source and is_value)
        assert (answer.ServerTimestamp is not None) == server


_statuses = st.sampled_from([0, 0x408F0000, int(Status.BAD_NO_COMMUNICATION), 0x00300000])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=12),
    st.lists(st.integers(0, 11), min_size=1, max_size=60),
    st.lists(_statuses, min_size=12, max_size=12),
)
def test_any_mix_is_answered_as_the_items_one_by_one(
    types: list[DataType], order: list[int], statuses: list[int]
) -> None:
    plant = Plant(types)
    for slot, kind in enumerate(types):
        put(plant.image, slot, FIRST[kind], statuses[slot])
    wanted = [item(f"p{slot}", 13 if slot % 5 else 4) if slot < 11 else item("nothing") for slot in order]
    single = [plant.read(one)[0] for one in wanted]
    assert plant.read(*wanted) == single


def test_values_are_never_stale() -> None:
    plant = Plant([DataType.DOUBLE] * 30)
    body = read_body(*[item(f"p{slot}") for slot in range(30)])
    plant.reading.answer(body, ANYONE)
    for number in range(5):
        put(plant.image, 7, 100.0 + number, 0 if number % 2 else 0x40000000, NOW + number)
        answer = results(plant.reading.answer(body, ANYONE))[7]
        assert answer.Value.Value == 100.0 + number
        assert answer.SourceTimestamp == to_datetime(NOW + number)
    assert len(plant.reading) == 1


def test_a_point_without_a_value_goes_without_one() -> None:
    plant = Plant([DataType.DOUBLE] * 20)
    plant.attributes.bind(Points(plant.image, {key("p0"): 0, key("p1"): 1}))
    plant.image.columns[DataType.DOUBLE].status[0] = 0x80320000 | 0x10000000
    for copies in (1, 30):
        empty, full = plant.read(*[item("p0"), item("p1")] * copies)[-2:]
        assert empty.Value.Value is None
        assert empty.StatusCode.value == ua.StatusCodes.BadWaitingForInitialData
        assert full.Value.Value == FIRST[DataType.DOUBLE]


def test_what_is_remembered_of_a_request_ends_when_the_nodes_or_the_points_change() -> None:
    plant = Plant([DataType.DOUBLE] * 20)
    wanted = [item(f"p{slot}") for slot in range(20)]
    plant.read(*wanted)
    space = plant.attributes.space
    space.remove(key("p3"))
    assert plant.read(*wanted)[3].StatusCode.value == ua.StatusCodes.BadNodeIdUnknown
    space.add(variable("p3", 12, ua.Variant("mine", ua.VariantType.String)))
    plant.attributes.bind(Points(plant.image, {key("p4"): 5}))
    answers = plant.read(*wanted)
    assert answers[3].Value.Value == "mine"
    assert answers[4].Value.Value == FIRST[DataType.DOUBLE]
    assert answers[5].Value.Value is None
    one = space[key("p4")]
    one.variable = one.variable._replace(access_level=2) if one.variable else None
    space.changed(one)
    assert plant.read(*wanted)[4].StatusCode.value == ua.StatusCodes.BadNotReadable
    assert len(plant.reading) == 1


def test_what_is_remembered_is_bounded() -> None:
    plant = Plant([DataType.DOUBLE])
    for number in range(MAX_PLANS + 20):
        plant.read(item("p0"), max_age=float(number))
    assert len(plant.reading) == MAX_PLANS


def test_rights_are_those_of_who_asks_and_not_of_who_asked_first() -> None:
    plant = Plant([DataType.DOUBLE] * 20)
    wanted = [item(f"p{slot}") for slot in range(20)]
    assert plant.read(*wanted)[0].StatusCode.value == 0
    refused = plant.read(*wanted, context=SessionContext(roles=frozenset()))
    assert {answer.StatusCode.value for answer in refused} == {ua.StatusCodes.BadNodeIdUnknown}


def status(plant: Plant, wanted: ua.ReadValueId) -> int:
    return int(plant.read(wanted)[0].StatusCode.value)


def test_each_item_has_a_status_code_of_its_own() -> None:
    """Part 4 v1.05 5.11.2.4."""
    plant = Plant([DataType.DOUBLE, DataType.STRING])
    plant.attributes.space.add(node("method", NodeClass.METHOD))
    nowhere = item("p0")
    nowhere.NodeId = ua.NodeId()
    assert status(plant, nowhere) == ua.StatusCodes.BadNodeIdInvalid
    assert status(plant, item("x" * 5000)) == ua.StatusCodes.BadNodeIdInvalid
    assert status(plant, item("nothing")) == ua.StatusCodes.BadNodeIdUnknown
    assert status(plant, item("p0", 99)) == ua.StatusCodes.BadAttributeIdInvalid
    assert status(plant, item("p0", 0)) == ua.StatusCodes.BadAttributeIdInvalid
    assert status(plant, item("method")) == ua.StatusCodes.BadAttributeIdInvalid
    assert status(plant, item("p0", index_range="1:")) == ua.StatusCodes.BadIndexRangeInvalid
    assert status(plant, item("p0", index_range="0")) == ua.StatusCodes.BadIndexRangeNoData
    assert status(plant, item("p1", index_range="4:5")) == ua.StatusCodes.BadIndexRangeNoData


def test_parts_of_points_and_of_attributes() -> None:
    plant = Plant([DataType.STRING, DataType.VARIANT])
    matrix = variable("m", 11, b"\x02\x01", value_rank=2, array_dimensions=(2, 3))
    plant.attributes.space.add(matrix)
    text, array, dimensions = plant.read(
        item("p0", index_range="2:9"), item("p1", index_range="1"), item("m", 16, index_range="1")
    )
    assert text.Value.Value == "ün"
    assert array.Value.Value == [2]
    assert dimensions.Value.Value == [3]


def test_data_encodings() -> None:
    """Part 4 v1.05 5.11.2.2: of structures' values alone, and only what we can give."""
    plant = Plant([DataType.DOUBLE])
    argument = ua.Variant(ua.Argument("a"), ua.VariantType.ExtensionObject)
    plant.attributes.space.add(variable("s", 296, argument))
    for name, index, expected in (
        ("Default Binary", 0, 0),
        ("Default XML", 0, ua.StatusCodes.BadDataEncodingUnsupported),
        ("Default JSON", 0, ua.StatusCodes.BadDataEncodingUnsupported),
        ("Anything", 0, ua.StatusCodes.BadDataEncodingInvalid),
        ("Default Binary", 1, ua.StatusCodes.BadDataEncodingInvalid),
    ):
        assert status(plant, item("s", encoding=ua.QualifiedName(name, index))) == expected
    wrong = ua.QualifiedName("Default Binary", 0)
    assert status(plant, item("p0", encoding=wrong)) == ua.StatusCodes.BadDataEncodingInvalid
    assert status(plant, item("s", 4, encoding=wrong)) == ua.StatusCodes.BadDataEncodingInvalid


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 60))
def test_hostile_bytes_are_refused_and_harm_nothing(noise: bytes, at: int) -> None:
    plant = Plant([DataType.DOUBLE])
    sound = read_body(item("p0", index_range="1"), item("p0"))
    for body in (noise, sound[:at] + noise + sound[at + len(noise) :]):
        try:
            results(plant.reading.answer(body, ANYONE))
        except ServiceError:
            continue
    assert plant.read(item("p0"))[0].Value.Value == FIRST[DataType.DOUBLE]


def test_an_answer_of_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part 4 v1.05 7.38.2 Bad_ResponseTooLarge: ten thousand times one large value, in some kilobytes."""
    monkeypatch.setattr(batch_read, "MAX_ANSWER", 100_000)
    plant = Plant([DataType.BYTESTRING, DataType.VARIANT])
    put(plant.image, 0, b"x" * 40_000)
    put(plant.image, 1, ua.Variant([b"y" * 40_000], ua.VariantType.ByteString))
    plant.attributes.space.add(variable("large", 15, ua.Variant(b"z" * 40_000)))
    plant.attributes.space.add(variable("larger", 15, ua.Variant(b"z" * 200_000)))
    for name in ("p0", "p1", "large"):
        assert refusal(plant, read_body(*[item(name)] * 3)) == ua.StatusCodes.BadResponseTooLarge, "one by one"
        assert refusal(plant, read_body(*[item(name)] * 40)) == ua.StatusCodes.BadResponseTooLarge, "by columns"
        assert len(plant.read(item(name), item(name))) == 2
    assert len(plant.read(item("larger"))[0].Value.Value) == 200_000, "one by itself may be of any size"
    blind = SessionContext(roles=frozenset())
    assert len(plant.read(*[item("large")] * 40, context=blind)) == 40, "who may not read gets no bytes"


def test_a_value_is_asked_for_once_however_often_it_is_named() -> None:
    """A large one costs milliseconds to encode; within one Read it is the same."""
    plant = Plant([DataType.DOUBLE])
    asked: list[int] = []

    def tell() -> ua.DataValue:
        asked.append(1)
        return ua.DataValue(ua.Variant([1.5] * 1000, ua.VariantType.Double))

    plant.attributes.space.add(variable("live", 11, tell, value_rank=1))
    answer = plant.read(*[item("live")] * 20, *[item("live", index_range=str(one)) for one in range(20)])
    assert len(asked) == 1
    assert [one.Value.Value for one in answer[20:]] == [[1.5]] * 20
    plant.read(item("live"))
    assert len(asked) == 2, "another Read asks again"


def test_a_value_that_cannot_be_told_is_its_own_items_fault(caplog: pytest.LogCaptureFixture) -> None:
    """5.11.2.2 results: a StatusCode for each item."""
    plant = Plant([DataType.DOUBLE])

    def fail() -> ua.DataValue:
        raise RuntimeError

    plant.attributes.space.add(variable("broken", 11, fail))
    plant.attributes.space.add(variable("odd", 12, b"\x8c\x01\x00\x00\x00\x02\x00\x00\x00\xff\xfe", value_rank=1))
    broken, odd, sound = plant.read(item("broken"), item("odd", index_range="0"), item("p0"))
    assert broken.StatusCode.value == ua.StatusCodes.BadInternalError
    assert odd.StatusCode.value == ua.StatusCodes.BadDecodingError
    assert sound.Value.Value == FIRST[DataType.DOUBLE]
    assert "the value of broken cannot be told" in caplog.text


@pytest.mark.parametrize("name", ["p0", "p1", "constant"])
def test_a_large_read_comes_in_steps(name: str) -> None:
    """Nothing of it holds the event loop: a step is one value."""
    plant = Plant([DataType.STRING, DataType.VARIANT], most=10_000)
    plant.attributes.space.add(variable("constant", 11, ua.Variant(1.5)))
    body = read_body(*[item(name)] * 5000)
    steps = plant.reading.steps(body, ANYONE)
    count, answer = 0, b""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer = end.value
            break
        count += 1
    assert count == 5000
    assert answer == plant.reading.answer(body, ANYONE)
