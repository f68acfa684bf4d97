"""AggregateFilters as clients send them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary, extensionobject_to_binary

from core.datatypes import DataType
from core.time import from_datetime, from_iso, to_datetime
from server.subscriptions.aggregates.asking import AggregateRefusedError, asked_of
from server.subscriptions.aggregates.kinds import AggregateConfiguration, AggregateKind

NOW = from_iso("2026-03-01T12:00:00.75Z")
SECOND = 10_000_000


def aggregate_filter(
    kind: int = AggregateKind.AVERAGE,
    interval: float = 1000.0,
    start: int = NOW,
    configuration: ua.AggregateConfiguration | None = None,
) -> Any:
    """Make a filter and send it over the wire, so that it is what a server sees."""
    made = ua.AggregateFilter(
        StartTime=to_datetime(start),
        AggregateType=ua.NodeId.from_string(f"i={int(kind)}"),
        ProcessingInterval=interval,
        AggregateConfiguration=configuration or ua.AggregateConfiguration(),
    )
    return extensionobject_from_binary(Buffer(extensionobject_to_binary(made)))


def own(**fields: Any) -> ua.AggregateConfiguration:
    made = ua.AggregateConfiguration(
        UseServerCapabilitiesDefaults=False,
        TreatUncertainAsBad=False,
        PercentDataBad=ua.Byte(100),
        PercentDataGood=ua.Byte(100),
        UseSlopedExtrapolation=False,
    )
    return replace(made, **fields)


def refused(asked: Any, datatype: DataType = DataType.DOUBLE) -> int:
    with pytest.raises(AggregateRefusedError) as caught:
        asked_of(asked, datatype, NOW, stepped=False)
    return caught.value.status


def test_a_start_in_the_past_moves_on_its_grid_to_the_interval_that_holds_now() -> None:
    asked, result = asked_of(
        aggregate_filter(start=NOW - 12_345_670, interval=500.0), DataType.DOUBLE, NOW, stepped=False
    )
    told = from_datetime(result.RevisedStartTime)
    assert told <= NOW < told + asked.interval
    assert told % asked.interval == asked.start == (NOW - 12_345_670) % asked.interval


def test_items_made_at_different_times_on_one_grid_ask_the_same() -> None:
    first, _ = asked_of(aggregate_filter(start=NOW - 3 * SECOND), DataType.DOUBLE, NOW, stepped=False)
    second, _ = asked_of(aggregate_filter(start=NOW), DataType.DOUBLE, NOW + 7 * SECOND, stepped=False)
    assert first == second
    assert hash(first) == hash(second)


def test_a_start_in_the_future_stays() -> None:
    asked, result = asked_of(aggregate_filter(start=NOW + 90 * SECOND), DataType.DOUBLE, NOW, stepped=False)
    assert asked.start == NOW + 90 * SECOND
    assert from_datetime(result.RevisedStartTime) == NOW + 90 * SECOND


def test_a_start_without_time_is_the_beginning_of_time() -> None:
    sent = aggregate_filter()
    sent.StartTime = to_datetime(0)
    asked, result = asked_of(sent, DataType.DOUBLE, NOW, stepped=False)
    assert asked.start == 0
    assert to_datetime(NOW) - result.RevisedStartTime == timedelta(milliseconds=750)


@pytest.mark.parametrize(
    ("sent", "revised"),
    [
        (1000.0, 1000.0),
        (0.0, 1000.0),
        (-5.0, 1000.0),
        (float("nan"), 1000.0),
        (1.0, 100.0),
        (1e300, 31 * 86_400_000.0),
        (float("inf"), 31 * 86_400_000.0),
        (250.25, 250.25),
    ],
)
def test_processing_intervals_are_revised(sent: float, revised: float) -> None:
    asked, result = asked_of(aggregate_filter(interval=sent), DataType.DOUBLE, NOW, stepped=False)
    assert result.RevisedProcessingInterval == revised
    assert asked.interval == revised * 10_000


def test_server_defaults_are_those_of_part_13() -> None:
    sent = aggregate_filter(configuration=own(UseServerCapabilitiesDefaults=True, PercentDataBad=ua.Byte(200)))
    asked, result = asked_of(sent, DataType.DOUBLE, NOW, stepped=False)
    assert asked.configuration == AggregateConfiguration(
        treat_uncertain_as_bad=True, percent_bad=100, percent_good=100, sloped=False
    )
    told = result.RevisedAggregateConfiguration
    assert (told.TreatUncertainAsBad, told.PercentDataBad, told.PercentDataGood) == (True, 100, 100)
    assert not told.UseServerCapabilitiesDefaults


def test_a_configuration_of_its_own_is_kept() -> None:
    sent = aggregate_filter(
        configuration=own(PercentDataBad=ua.Byte(60), PercentDataGood=ua.Byte(40), UseSlopedExtrapolation=True)
    )
    asked, _ = asked_of(sent, DataType.DOUBLE, NOW, stepped=False)
    assert asked.configuration == AggregateConfiguration(
        treat_uncertain_as_bad=False, percent_bad=60, percent_good=40, sloped=True
    )


@pytest.mark.parametrize(("stepped", "datatype"), [(True, DataType.DOUBLE), (False, DataType.BOOLEAN)])
def test_what_is_stepped_has_no_slope_and_the_client_is_told(*, stepped: bool, datatype: DataType) -> None:
    sent = aggregate_filter(AggregateKind.COUNT, configuration=own(UseSlopedExtrapolation=True))
    asked, result = asked_of(sent, datatype, NOW, stepped=stepped)
    assert not asked.configuration.sloped
    assert not result.RevisedAggregateConfiguration.UseSlopedExtrapolation


@pytest.mark.parametrize(("bad", "good"), [(101, 100), (100, 101), (80, 0), (0, 99)])
def test_percentages_that_cannot_go_together_are_refused(bad: int, good: int) -> None:
    sent = aggregate_filter(configuration=own(PercentDataBad=ua.Byte(bad), PercentDataGood=ua.Byte(good)))
    assert refused(sent) == ua.StatusCodes.BadAggregateInvalidInputs


@pytest.mark.parametrize("number", [0, 1, 85, ua.ObjectIds.AggregateFunction_AnnotationCount])
def test_unknown_aggregates_are_refused(number: int) -> None:
    assert refused(aggregate_filter(number)) == ua.StatusCodes.BadAggregateNotSupported


@pytest.mark.parametrize("nodeid", ["ns=1;i=2342", "s=2342", "ns=2;s=Average", "b=MjM0Mg=="])
def test_aggregates_of_another_name_are_refused(nodeid: str) -> None:
    sent = aggregate_filter()
    sent.AggregateType = ua.NodeId.from_string(nodeid)
    assert refused(sent) == ua.StatusCodes.BadAggregateNotSupported


@pytest.mark.parametrize(
    "datatype", [DataType.STRING, DataType.DATETIME, DataType.STATUSCODE, DataType.VARIANT, DataType.GUID]
)
def test_what_is_no_number_has_no_aggregates(datatype: DataType) -> None:
    assert refused(aggregate_filter(), datatype) == ua.StatusCodes.BadFilterNotAllowed


def test_booleans_have_states_and_no_average() -> None:
    assert refused(aggregate_filter(AggregateKind.AVERAGE), DataType.BOOLEAN) == ua.StatusCodes.BadAggregateNotSupported
    asked, _ = asked_of(aggregate_filter(AggregateKind.DURATION_IN_STATE_ZERO), DataType.BOOLEAN, NOW, stepped=True)
    assert asked.result_type is DataType.DOUBLE


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (AggregateKind.MINIMUM, DataType.INT16),
        (AggregateKind.AVERAGE, DataType.DOUBLE),
        (AggregateKind.COUNT, DataType.INT32),
        (AggregateKind.WORST_QUALITY, DataType.STATUSCODE),
    ],
)
def test_result_types(kind: AggregateKind, result: DataType) -> None:
    asked, _ = asked_of(aggregate_filter(kind), DataType.INT16, NOW, stepped=False)
    assert asked.result_type is result


def test_the_result_goes_onto_the_wire() -> None:
    _, result = asked_of(aggregate_filter(), DataType.DOUBLE, NOW, stepped=False)
    assert extensionobject_from_binary(Buffer(extensionobject_to_binary(result))) == result
