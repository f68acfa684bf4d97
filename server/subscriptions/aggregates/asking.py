"""Reads AggregateFilters and revises them (Part 4 v1.05 7.22.4, Part 13 v1.05 4.2.1.2, 5.4.3.1)."""

# asyncua exports these names without saying so, and leaves the types of its structures' fields open.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from datetime import UTC, datetime

from asyncua import ua

from core.datatypes import DataType
from core.errors import PlantspaceError
from core.time import DATETIME_MAX_TICKS, TICKS_PER_MILLISECOND, from_datetime, to_datetime
from server.subscriptions.aggregates.kinds import (
    SUPPORTED,
    AggregateConfiguration,
    AggregateKind,
    Asked,
    applies,
    result_type,
)

SHORTEST_INTERVAL = 100.0
"""Milliseconds: the shortest ProcessingInterval."""
USUAL_INTERVAL = 1000.0
"""Milliseconds: what stands for a ProcessingInterval of 0, or one that is no number."""
LONGEST_INTERVAL = 31 * 86_400_000.0
"""Milliseconds: the longest ProcessingInterval."""
_WHOLE = 100


class AggregateRefusedError(PlantspaceError):
    """An AggregateFilter cannot be had; ``status`` is the StatusCode for the item."""

    def __init__(self, status: int, problem: str) -> None:
        """Keep the StatusCode and say what is wrong."""
        self.status = status
        super().__init__(problem)


def asked_of(
    asked: ua.AggregateFilter, datatype: DataType, now: int, *, stepped: bool
) -> tuple[Asked, ua.AggregateFilterResult]:
    """Say what a filter asks of a variable, and what the client is told of it; ``now``: the clock's ticks.

    The StartTime moves on its grid into the interval that holds ``now``, because nothing is calculated of the past; one
    to come stays. Raises :class:`AggregateRefusedError` with Bad_FilterNotAllowed (the values are neither numbers nor
    Boolean), Bad_AggregateNotSupported (unknown, or not of values of this type) or Bad_AggregateInvalidInputs
    (percentages over 100, or that leave a gap between Good and Bad).
    """
    kind = _kind(asked.AggregateType, datatype)
    configuration = _configuration(asked.AggregateConfiguration, stepped=stepped or datatype is DataType.BOOLEAN)
    interval = round(_interval(asked.ProcessingInterval) * TICKS_PER_MILLISECOND)
    start = _ticks(asked.StartTime)
    told = start
    if start <= now:
        told = now - (now - start) % interval
        start %= interval
    result = ua.AggregateFilterResult(
        RevisedStartTime=to_datetime(told),
        RevisedProcessingInterval=interval / TICKS_PER_MILLISECOND,
        RevisedAggregateConfiguration=ua.AggregateConfiguration(
            UseServerCapabilitiesDefaults=False,
            TreatUncertainAsBad=configuration.treat_uncertain_as_bad,
            PercentDataBad=ua.Byte(configuration.percent_bad),
            PercentDataGood=ua.Byte(configuration.percent_good),
            UseSlopedExtrapolation=configuration.sloped,
        ),
    )
    return Asked(kind, configuration, interval, start, result_type(kind, datatype)), result


def _kind(nodeid: ua.NodeId, datatype: DataType) -> AggregateKind:
    if not (datatype.is_number or datatype is DataType.BOOLEAN):
        message = f"an aggregate of {datatype.symbol} values makes no sense; ask for numbers or Booleans"
        raise AggregateRefusedError(ua.StatusCodes.BadFilterNotAllowed, message)
    try:
        if nodeid.NamespaceIndex != 0 or nodeid.Identifier not in SUPPORTED:
            raise ValueError(nodeid)  # noqa: TRY301 - numbers of other namespaces are as unknown as unknown numbers
        kind = AggregateKind(nodeid.Identifier)
    except ValueError:
        message = f"there is no aggregate {nodeid.to_string()}; see ServerCapabilities/AggregateFunctions"
        raise AggregateRefusedError(ua.StatusCodes.BadAggregateNotSupported, message) from None
    if not applies(kind, datatype):
        message = f"{kind.name} of {datatype.symbol} values makes no sense; ask for numbers"
        raise AggregateRefusedError(ua.StatusCodes.BadAggregateNotSupported, message)
    return kind


def _configuration(asked: ua.AggregateConfiguration, *, stepped: bool) -> AggregateConfiguration:
    """Check a configuration. What is stepped is never extrapolated along a slope (Part 13 v1.05 A.1.4)."""
    if asked.UseServerCapabilitiesDefaults:
        return AggregateConfiguration()
    bad, good = int(asked.PercentDataBad), int(asked.PercentDataGood)
    if bad > _WHOLE or good > _WHOLE or good < _WHOLE - bad:
        message = (
            f"PercentDataBad {bad} and PercentDataGood {good} cannot go together; neither may exceed 100, and they must"
            " add up to 100 at least"
        )
        raise AggregateRefusedError(ua.StatusCodes.BadAggregateInvalidInputs, message)
    sloped = bool(asked.UseSlopedExtrapolation) and not stepped
    return AggregateConfiguration(bool(asked.TreatUncertainAsBad), bad, good, sloped)


def _interval(asked: float) -> float:
    """Revise a ProcessingInterval, in milliseconds; 0 becomes a suitable one (Part 13 v1.05 5.4.3.1)."""
    milliseconds = float(asked)
    if math.isnan(milliseconds) or milliseconds <= 0.0:
        return USUAL_INTERVAL
    return min(max(milliseconds, SHORTEST_INTERVAL), LONGEST_INTERVAL)


def _ticks(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(from_datetime(aware), 0), DATETIME_MAX_TICKS)
