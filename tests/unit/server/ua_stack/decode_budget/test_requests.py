"""What asyncua's decoder is shown, and what it is not (threats 3, 4, 19, 24)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import tracemalloc
from pathlib import Path
from struct import pack

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from server.address_space.decoding import DecodingError, EncodingLimitsError
from server.address_space.encoding import encode_bytes, encode_node_id
from server.address_space.extents import DEEPEST, MOST_VALUES
from server.address_space.keys import key_of
from server.ua_stack.decode_budget.requests import MOST_BEFORE_LOG_IN, UnknownRequestError, check_request, check_variant
from server.ua_stack.decode_budget.walk import MOST_NUMBERS
from server.ua_stack.request_header import read_header
from tests.unit.server.ua_stack.decode_budget.messages import SERVICES, Maker, decode, parameters_at

GOLDEN = sorted((Path(__file__).parents[4] / "golden" / "decoding").glob("*.bin"))
SEEDS = st.integers(0, (1 << 32) - 1)
NULL = b"\x00"
WRITTEN_WITHOUT_MASK = {"LogRecord", "LogRecordsDataType"}
"""asyncua writes their optional fields, does not say so, and does not read them."""


def decoded(variant: bytes) -> ua.Variant:
    buffer = Buffer(variant)
    read = variant_from_binary(buffer)
    assert not buffer, "asyncua reads what was walked, and no more"
    return read


def in_arrays(count: int) -> bytes:
    return b"\x98\x01\x00\x00\x00" * count + NULL


def in_data_values(count: int) -> bytes:
    return b"\x97\x01\x00\x00\x00\x01" * count + NULL


def in_structures(count: int) -> bytes:
    """Nest Variants in KeyValuePairs in AdditionalParametersTypes, which are ExtensionObjects."""
    encoding = encode_node_id(key_of(ua.typeid_by_extension_objects[ua.AdditionalParametersType]))
    variant = NULL
    for _ in range(count):
        body = pack("<iHi", 1, 0, -1) + variant
        variant = b"\x96\x01\x00\x00\x00" + encoding + b"\x01" + encode_bytes(body)
    return variant


@pytest.mark.parametrize("service", sorted(SERVICES))
@given(seed=SEEDS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_asyncua_writes_passes_and_is_read_back(service: str, seed: int) -> None:
    message = Maker(seed).message(service)
    check_request(SERVICES[service], message, parameters_at(message))
    decode(message)


def test_every_structure_that_asyncua_knows_is_walked_as_it_is_decoded() -> None:
    refused: set[str] = set()
    for node, kind in ua.extension_objects_by_typeid.items():
        for seed in range(10):
            try:
                variant = variant_to_binary(ua.Variant(Maker(seed).structure(kind), ua.VariantType.ExtensionObject))
                decoded(variant)
            except Exception:  # noqa: BLE001 - asyncua itself cannot write or read it, and so is not asked to
                refused.add(kind.__name__)
                with pytest.raises(DecodingError):
                    check_variant(b"\x16" + encode_node_id(key_of(node)) + b"\x01" + encode_bytes(bytes(100)))
            else:
                if kind.__name__ not in WRITTEN_WITHOUT_MASK:
                    check_variant(variant)
    assert len(refused) < 40, "those without any field, which it writes without a body"


@pytest.mark.parametrize("file", GOLDEN, ids=[file.name.split(".")[0] for file in GOLDEN])
def test_what_was_found_is_refused_and_costs_nothing(file: Path) -> None:
    _, status, _ = file.name.split(".")
    message = file.read_bytes()
    header = read_header(message)
    tracemalloc.start()
    try:
        with pytest.raises(DecodingError) as refused:
            check_request(header.kind, message, header.at)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ua.StatusCode(refused.value.status).name == status
    assert most < 256 * 1024


def test_the_golden_files_are_there() -> None:
    assert len(GOLDEN) > 40


@pytest.mark.parametrize(("nest", "levels"), [(in_arrays, 1), (in_data_values, 2), (in_structures, 2)])
def test_a_hundred_levels_are_walked_and_no_more(nest: object, levels: int) -> None:
    # Part 6 v1.05 5.2.2.16: decoders support a hundred at least
    deepest = (DEEPEST - 1) // levels
    decoded(nest(deepest))  # type: ignore[operator]  # one of those above
    check_variant(nest(deepest))  # type: ignore[operator]  # as above
    for more in (1, 2, 1000):
        with pytest.raises(EncodingLimitsError):
            check_variant(nest(deepest + more))  # type: ignore[operator]  # as above


@pytest.mark.parametrize(("code", "size"), [(1, 1), (3, 1), (6, 4), (11, 8)])
def test_numbers_are_as_many_as_one_message_may_have(code: int, size: int) -> None:
    def array(count: int) -> bytes:
        return bytes((0x80 | code,)) + pack("<i", count) + bytes(count * size)

    check_variant(array(MOST_NUMBERS))
    with pytest.raises(EncodingLimitsError):
        check_variant(array(MOST_NUMBERS + 1))
    half = b"\x98\x03\x00\x00\x00" + array(MOST_NUMBERS // 2) * 2 + array(1)
    with pytest.raises(EncodingLimitsError):
        check_variant(half)


@pytest.mark.parametrize("code", [12, 13, 15, 17, 19])
def test_values_are_as_many_as_one_message_may_have(code: int) -> None:
    def array(count: int) -> bytes:
        return bytes((0x80 | code,)) + pack("<i", count) + bytes(count * 8)

    check_variant(array(MOST_VALUES - 1))
    with pytest.raises(EncodingLimitsError):
        check_variant(array(MOST_VALUES))


def test_who_has_not_logged_in_may_send_fewer() -> None:
    def message(count: int) -> bytes:
        kind, header = encode_node_id(SERVICES["GetEndpoints"]), bytes(18) + b"\xff\xff\xff\xff" + bytes(7)
        return kind + header + pack("<ii", -1, count) + pack("<i", -1) * (count + 1)

    for count, refused in ((MOST_BEFORE_LOG_IN - 10, False), (MOST_BEFORE_LOG_IN, True)):
        data = message(count)
        at = read_header(data).at
        if refused:
            with pytest.raises(EncodingLimitsError):
                check_request(SERVICES["GetEndpoints"], data, at)
        else:
            check_request(SERVICES["GetEndpoints"], data, at)


@pytest.mark.parametrize(
    ("length", "dimensions", "good"),
    [
        (6, (2, 3), True),
        (6, (6,), True),
        (6, (1, 2, 3, 1), True),
        (0, (0, 5), True),
        (0, (0,), True),
        (-1, (0, 3), True),
        (6, (2, 2), False),
        (6, (3, 3), False),
        (6, (-2, -3), False),
        (6, (), False),
        (0, (1000, 0), False),
        (0, (5,), False),
        (6, (2**31 - 1, 2**31 - 1), False),
    ],
)
def test_the_dimensions_of_a_matrix_are_those_of_its_elements(
    length: int, dimensions: tuple[int, ...], *, good: bool
) -> None:
    # Part 6 v1.05 5.2.2.16
    sizes = pack(f"<i{len(dimensions)}i", len(dimensions), *dimensions)
    variant = b"\xc3" + pack("<i", length) + bytes(max(length, 0)) + sizes
    if good:
        check_variant(variant)
        decoded(variant)
    else:
        with pytest.raises(DecodingError):
            check_variant(variant)


def test_a_message_is_walked_from_its_type_on() -> None:
    message = Maker(1).message("Call")
    with pytest.raises(DecodingError, match="the parameters begin at"):
        check_request(SERVICES["Call"], message, parameters_at(message) + 1)
    with pytest.raises(UnknownRequestError):
        check_request((1, "Call"), message, parameters_at(message))
