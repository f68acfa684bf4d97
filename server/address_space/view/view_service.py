"""The View service set with asyncua's objects (seam: ``InternalServer.view_service``).

The gateway's own session (``InternalServer.isession``) calls the plain methods and gets everything at once. Clients'
sessions call those with ``_for``, which heed the limits, keep continuation points and let the event loop run.
"""

# What fields asyncua's structures have is known to it alone; what they hold is turned into our own types here.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from asyncua import ua

from core.time import from_datetime
from nodesets.built_in_types import LocalizedText
from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.address_space.node import BrowseName, Link
from server.address_space.operation_count import bounded
from server.address_space.rights import Sight
from server.address_space.space import AddressSpace
from server.address_space.view.browsing import Answer, Browsing
from server.address_space.view.limits import ViewLimits
from server.address_space.view.paths import FOLLOWED_TO_THE_END, Allowance, Element, Paths, Targets
from server.address_space.view.records import display_name, type_definition
from server.address_space.view.registering import register, unregister
from server.address_space.view.request import BrowseRequest, Field, ViewWanted, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.steps import Steps, at_once, in_turns
from server.address_space.view.wire import ViewWire


class ViewService:
    """Owns what the View services remember. Methods raise :class:`ServiceError` for the whole of a request."""

    def __init__(self, space: AddressSpace, limits: ViewLimits | None = None) -> None:
        """Serve ``space``; ``limits`` are also those to be advertised."""
        self.limits = limits or ViewLimits()
        self._space = space
        self._browsing = Browsing(space, self.limits)
        self._paths = Paths(space, self.limits)
        self.wire = ViewWire(space, self._browsing, self._paths, self.limits)

    def new_session(self) -> ViewSession:
        """Make what a session has of these services; it sets ``locales`` when activated, and closes it at its end."""
        return ViewSession(self.limits.continuation_points)

    def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        """Browse for the gateway itself: all references, no continuation points."""
        return [_result(answer) for answer in at_once(self._browsing.browse(None, _request(params), self._describe))]

    async def browse_for(self, session: ViewSession, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        """Browse (5.9.2)."""
        bounded(params.NodesToBrowse, self.limits.nodes_per_browse)
        answers = await in_turns(self._browsing.browse(session, _request(params), self._describe))
        return [_result(answer) for answer in answers]

    async def browse_next_for(self, session: ViewSession, params: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        """BrowseNext (5.9.3)."""
        points: Sequence[bytes | None] = params.ContinuationPoints or ()
        release = bool(params.ReleaseContinuationPoints)
        steps = self._browsing.browse_next(session, points, self._describe, release=release)
        return [_result(answer) for answer in await in_turns(steps)]

    def translate_browsepaths_to_nodeids(self, browsepaths: Sequence[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """Translate browse paths for the gateway itself."""
        return at_once(self._translate(browsepaths, sys.maxsize, None))

    async def translate_for(self, session: ViewSession, paths: Sequence[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """TranslateBrowsePathsToNodeIds (5.9.4)."""
        given, sight = bounded(paths, self.limits.paths_per_translate), self._space.rights.sight(session.context)
        return await in_turns(self._translate(given, self.limits.references_per_response, sight))

    def register_nodes(self, session: ViewSession, nodes: Sequence[ua.NodeId]) -> list[ua.NodeId]:
        """RegisterNodes (5.9.5)."""
        register(session, [key_of(node) for node in nodes], self.limits.nodes_per_register)
        return list(nodes)

    def unregister_nodes(self, session: ViewSession, nodes: Sequence[ua.NodeId]) -> None:
        """UnregisterNodes (5.9.6)."""
        unregister(session, [key_of(node) for node in nodes], self.limits.nodes_per_register)

    def _translate(
        self, paths: Sequence[ua.BrowsePath], targets: int, sight: Sight | None
    ) -> Steps[list[ua.BrowsePathResult]]:
        allowance = Allowance(self.limits, targets=targets)
        results: list[ua.BrowsePathResult] = []
        for path in paths:
            elements = [_element(one) for one in path.RelativePath.Elements or ()]
            found = yield from self._paths.follow(key_of(path.StartingNode), elements, allowance, sight)
            results.append(_path_result(found))
            yield
        return results

    def _describe(
        self,
        wanted: Wanted,
        locales: tuple[str, ...],
        links: Sequence[Link],
        into: list[ua.ReferenceDescription],
        *,
        forward: bool,
    ) -> None:
        """Append ReferenceDescriptions with the fields asked for (7.30)."""
        fields = wanted.fields
        for kind, target in links:
            told = ua.ReferenceDescription(IsForward=forward and bool(fields & Field.IS_FORWARD))
            told.NodeId = _expanded(target)
            if fields & Field.REFERENCE_TYPE:
                told.ReferenceTypeId = nodeid_of(kind)
            node = self._space.get(target)
            if node is not None:
                if fields & Field.NODE_CLASS:
                    told.NodeClass = ua.NodeClass(node.node_class)
                if fields & Field.BROWSE_NAME:
                    told.BrowseName = _qualified(node.browse_name)
                if fields & Field.DISPLAY_NAME:
                    told.DisplayName = _localized(display_name(node, locales))
                definition = type_definition(self._space, node) if fields & Field.TYPE_DEFINITION else None
                if definition is not None:
                    told.TypeDefinition = _expanded(definition)
            into.append(told)


def _request(params: ua.BrowseParameters) -> BrowseRequest:
    view = params.View
    nodes = [
        Wanted(
            key_of(one.NodeId),
            int(one.BrowseDirection),
            key_of(one.ReferenceTypeId),
            bool(one.IncludeSubtypes),
            int(one.NodeClassMask),
            int(one.ResultMask),
        )
        for one in params.NodesToBrowse or ()
    ]
    wanted = ViewWanted(key_of(view.ViewId), _ticks(view.Timestamp), int(view.ViewVersion))
    return BrowseRequest(nodes, wanted, int(params.RequestedMaxReferencesPerNode))


def _ticks(moment: object) -> int:
    if not isinstance(moment, datetime):
        return 0
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)  # asyncua's own code makes naive ones
    return max(from_datetime(aware), 0)


def _result(answer: Answer[ua.ReferenceDescription]) -> ua.BrowseResult:
    point = cast("ua.ContinuationPoint", answer.point)
    return ua.BrowseResult(_status(answer.status), point, answer.references)


def _element(element: ua.RelativePathElement) -> Element:
    name = element.TargetName
    known = BrowseName(int(name.NamespaceIndex), name.Name) if name and name.Name else None
    return Element(known, key_of(element.ReferenceTypeId), bool(element.IsInverse), bool(element.IncludeSubtypes))


def _path_result(found: Targets) -> ua.BrowsePathResult:
    remaining = ua.Index(FOLLOWED_TO_THE_END)
    targets = [ua.BrowsePathTarget(_expanded(key), remaining) for key in found.targets]
    return ua.BrowsePathResult(_status(found.status), targets)


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))


def _expanded(key: NodeKey) -> ua.ExpandedNodeId:
    """Give a node of this server as asyncua itself does: a plain NodeId, whose encoding is the same."""
    return cast("ua.ExpandedNodeId", nodeid_of(key))


def _qualified(name: BrowseName) -> ua.QualifiedName:
    return ua.QualifiedName(name.name, ua.UInt16(name.namespace))


def _localized(text: LocalizedText) -> ua.LocalizedText:
    return ua.LocalizedText(text.text, text.locale)
