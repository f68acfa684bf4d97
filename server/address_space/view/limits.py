"""How much one request may ask of the View services, as enforced and as told to clients."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uatypes import VariantType


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
    request_references: int = 1_000_000
    """References looked at for all browse paths of one request."""

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
