"""How much one request may ask of the View services, as enforced and as told to clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from asyncua.common.utils import ServiceError
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uatypes import VariantType

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLimits:
    """OperationLimits (Part 5 v1.05 6.3.11) and what else bounds a request's work and its answer."""

    nodes_per_browse: int = 1000
    paths_per_translate: int = 1000
    nodes_per_register: int = 1000
    continuation_points: int = 10
    """A session's."""
    references_per_node: int = 1000
    """In one answer; the others come with a continuation point."""
    references_per_response: int = 50_000
    """In all results of one answer, some 100 bytes each."""
    path_elements: int = 64
    path_references: int = 100_000
    """References looked at for one browse path."""
    path_matches: int = 1000

    def advertised(self) -> dict[int, tuple[int, VariantType]]:
        """Give the values of the variables of ServerCapabilities, by their numbers in the standard namespace."""
        ids, kind = ObjectIds, VariantType
        told = {
            ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse: self.nodes_per_browse,
            ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds: (
                self.paths_per_translate
            ),
            ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerRegisterNodes: self.nodes_per_register,
        }
        limits = {int(number): (value, kind.UInt32) for number, value in told.items()}
        limits[int(ids.Server_ServerCapabilities_MaxBrowseContinuationPoints)] = (self.continuation_points, kind.UInt16)
        return limits


def check_count(count: int, most: int) -> None:
    """Raise :class:`ServiceError` for no operations, or more than ``most`` (Part 4 v1.05 7.38.2)."""
    if count <= 0:
        raise ServiceError(StatusCodes.BadNothingToDo)
    if count > most:
        raise ServiceError(StatusCodes.BadTooManyOperations)


def bounded(operations: Sequence[_T] | None, most: int) -> Sequence[_T]:
    """Give a request's operations back; raise as :func:`check_count` does."""
    given = operations or ()
    check_count(len(given), most)
    return given
