"""A change of the model, from the difference to what clients see."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from core.batch import Batch
from core.errors import Finding, Place, PlantspaceError
from core.image import ProcessImage
from core.time import now, to_iso
from nodesets.model import Model
from nodesets.names import NodeName
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import NodeKey, key_of, numeric_key
from server.address_space.node import HeldValue, Link, SpaceNode, VariableAttributes
from server.address_space.points import Points
from server.address_space.space import AddressSpace
from server.model_change.comparing import SpaceDifference, compare
from server.model_change.new_points import NewModel, points_to_come
from server.model_change.new_values import new_values
from server.model_change.paths import path_of
from server.model_change.preparing import Prepared, prepare
from server.model_change.report import ModelReport, altered_words, bounded_lines, summary_of
from server.model_change.semantics import SemanticChange, Semantics
from server.model_change.swap import Step
from server.model_change.uses import broken_uses, settled_access, uses_of
from server.model_change.verbs import NodeChange, node_changes, version_properties
from server.plan import Plan
from server.ua_stack.browse import Directory
from server.ua_stack.model_nodes import describe_namespaces, load_model
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import NodeBuilder

_NAMESPACE_ARRAY = numeric_key(0, ObjectIds.Server_NamespaceArray)


class ModelChangeRefused(PlantspaceError):  # noqa: N818 - the name says what became of it
    """A change cannot be applied, and nothing of it has been; ``findings`` say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Keep the findings."""
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, findings)))


class ModelChange:
    """The difference between what is served and a new model, checked and ready to be applied, once.

    ``report`` tells it, ``changes`` is what a ModelChangeEvent says of it. Made by :meth:`plan`.
    """

    def __init__(
        self,
        plan: Plan,
        image: ProcessImage,
        difference: SpaceDifference,
        after: AddressSpace,
        namespaces: tuple[str, ...],
        instances: Collection[NodeName] = (),
        *,
        records: bool = False,
    ) -> None:
        """Look at everything; nothing is changed. ``after``: the new model's nodes, ``namespaces`` theirs.

        ``instances``: the nodes of configured instances. ``records``: whether history of new points can be kept.
        """
        self._plan = plan
        self._space = plan.stack.internal.space
        self._image = image
        self._difference = difference
        self._uris = namespaces[len(plan.nodeids.uris) :]
        self._records = records
        self._moment = now()
        self.changes: list[NodeChange] = node_changes(difference)
        self.semantic_changes: list[SemanticChange] = []
        """The nodes whose Properties say something else of them, once it is applied."""
        self._semantics = Semantics(difference)
        self._dropped = self._points_that_end()
        self._left = {key_of(nodeid) for nodeid in self._dropped}
        self._ended = frozenset(self._dropped.values())
        staying = {nodeid: slot for nodeid, slot in plan.points.slots.items() if nodeid not in self._dropped}
        nodeids = NodeIds(namespaces)
        model = NewModel(Directory(after, nodeids), nodeids, instances)
        self._new = points_to_come(plan, image, difference, model, staying, records=records)
        self._slots = {**staying, **self._new.slots}
        self._points = self._points_after()
        self._settled = settled_access(plan)
        self._replaced: object = None
        """What was served before. It goes with this object, which is best let go of in a thread."""
        self._prepared = self._prepare()
        self.report = self._report(after)
        self._values = new_values(difference, plan.points, image) if not self.report.findings else []

    @classmethod
    def plan(
        cls,
        plan: Plan,
        image: ProcessImage,
        model: Model,
        instances: Collection[NodeName] = (),
        *,
        records: bool = False,
    ) -> ModelChange:
        """Compare ``model`` with what ``plan`` serves. Blocks, 30 us a node: for a thread.

        ``model`` has no findings; ``instances`` and ``records`` as above.
        Raises :class:`~server.address_space.loading.LoadError` for nodes that cannot be.
        """
        nodeids = plan.nodeids
        namespaces = tuple(dict.fromkeys((*nodeids.uris, *model.namespaces)))
        after = AddressSpace()
        problems = load_model(after, model, namespaces)
        describe_namespaces(after, NodeBuilder(after), model, NodeIds(namespaces))
        if plan.stack.permissions is not None:
            plan.stack.permissions.apply(after, NodeIds(namespaces))
        difference = compare(plan.stack.loaded, after)
        change = cls(plan, image, difference, after, namespaces, instances, records=records)
        change.report = replace(change.report, notes=(*problems, *change.report.notes))
        return change

    @property
    def begins(self) -> Mapping[int, str]:
        """Give the points whose history is to be kept from this change on, by their slots."""
        return self._new.begins

    def offer_again(self) -> None:
        """Hand on what the points of :attr:`begins` hold that no device fills: nothing else may for a long time."""
        self._new.offer_again(self._image, self._plan.points.places)

    @property
    def size(self) -> int:
        """Count the nodes that come, go or change."""
        difference = self._difference
        return len(difference.added) + len(difference.removed) + len(difference.altered)

    @property
    def is_current(self) -> bool:
        """Whether nodes are as they were when this was prepared; else :meth:`apply` prepares again, on the loop."""
        return self._prepared.version == self._space.version

    def apply(self) -> ModelReport:
        """Do it, on the event loop, whole or not at all.

        Raises :class:`ModelChangeRefused`, and whatever an operation raised; then nothing has changed.
        """
        begin = time.perf_counter()
        if not self.is_current:
            self._prepared = self._prepare()
        findings = self.report.findings or tuple(self._obstacles(self._space))
        if findings:
            raise ModelChangeRefused(findings)
        internal, space, swap = self._plan.stack.internal, self._space, self._prepared.swap
        points = internal.attributes.points
        meant = self._semantics.values(space, self._shown_of)
        shown: list[Batch] = []
        swap.apply(space)
        try:
            self._new.enter(self._image)
            if self._points is not None:
                internal.attributes.points = self._points
            internal.subscriptions.leave_points(self._left)
            shown += (values.show(self._image, self._moment) for values in self._values)
            self.semantic_changes = self._semantics.changes(space, self._shown_of, meant)
        except BaseException:
            for batch in shown:
                self._image.apply(batch)
            self._new.leave(self._image)
            internal.attributes.points = points
            swap.undo(space)
            raise
        plan = self._plan
        self._replaced = (plan.points.slots, plan.stack.loaded, plan.directory.forget())
        plan.points.slots, plan.stack.loaded = self._slots, self._difference.after
        plan.nodeids.extend(self._uris)
        self._new.settle(plan, self._image, self._ended)
        space.rights.changed()
        return replace(self.report, applied=True, seconds=time.perf_counter() - begin)

    def _shown_of(self, node: SpaceNode) -> object:
        return self._plan.stack.internal.attributes.value(node).variant

    def _prepare(self) -> Prepared:
        return prepare(self._difference, self._space, self._settled, self._further_steps)

    def _further_steps(self, forward: Mapping[NodeKey, list[Link]]) -> Iterable[Step]:
        """Give the steps beside the difference: NodeVersions (Part 3 v1.05 9.32.2) and the NamespaceArray."""
        space, altered = self._space, self._difference.altered
        # A text that no other change has, also after a restart, when the file's own NodeVersion is served again.
        version = encode_variant(ua.Variant(to_iso(self._moment), ua.VariantType.String))
        for key in dict.fromkeys(version_properties(space, self.changes, forward)):
            if key not in altered or "value" not in altered[key].attributes:
                yield Step(space[key], "value", version)
        if self._uris:
            uris = ua.Variant([*self._plan.nodeids.uris, *self._uris], ua.VariantType.String)
            held = HeldValue(encode_variant(uris), 0, self._moment, self._moment)
            yield Step(space[_NAMESPACE_ARRAY], "value", held)

    def _points_that_end(self) -> dict[ua.NodeId, int]:
        """Give the memory points that are to be nodes like any other, or none at all."""
        removed, altered = self._difference.removed, self._difference.altered
        ending: dict[ua.NodeId, int] = {}
        for nodeid, slot in self._plan.points.slots.items():
            key = key_of(nodeid)
            alteration = altered.get(key)
            if key in removed or (alteration is not None and alteration.is_retyped):
                ending[nodeid] = slot
        return ending

    def _points_after(self) -> Points | None:
        """Give the points that clients are to see, or None for the same."""
        points = self._plan.stack.internal.attributes.points
        coming = self._new.slots
        if points is None or not (self._dropped or coming):
            return None
        slots = {key: slot for key, slot in points.slots.items() if key not in self._left}
        return replace(points, slots={**slots, **{key_of(nodeid): slot for nodeid, slot in coming.items()}})

    def _report(self, after: AddressSpace) -> ModelReport:
        difference, space = self._difference, self._space
        added = {key: path_of(key, after) for key in difference.added}
        removed = {key: path_of(key, space) for key in difference.removed}
        altered = {key: path_of(key, space, after) for key in difference.altered}
        findings = [
            *broken_uses(uses_of(self._plan), difference, {**removed, **altered}),
            *self._obstacles(after),
        ]
        lines = bounded_lines(
            list(added.values()),
            list(removed.values()),
            [f"{altered[key]}: {altered_words(alteration)}" for key, alteration in difference.altered.items()],
        )
        return ModelReport(
            tuple(sorted(set(findings))), summary_of(difference, self._uris), lines, tuple(self._notes())
        )

    def _notes(self) -> Iterable[str]:
        """Say what only the next start brings."""
        if self._new.left:
            yield f"{self._new.left} new variables become memory points, kept over a restart, with the next start"
        if not self._records and any(_begins_history(one) for one in self._variables()):
            yield "history of new variables begins with the next start of the gateway"

    def _variables(self) -> Iterable[tuple[VariableAttributes | None, VariableAttributes | None]]:
        """Give the attributes of variables before and after."""
        yield from ((None, node.variable) for node in self._difference.added.values())
        yield from ((one.before.variable, one.after.variable) for one in self._difference.altered.values())

    def _obstacles(self, after: AddressSpace) -> Iterable[Finding]:
        place = Place.of(self._plan.config)
        for key, problem, foreign in self._prepared.obstacles:
            other = f" {path_of(foreign, self._space)}" if foreign is not None else ""
            going = ", and the new model does not have it" if key in self._difference.removed else ""
            told = f"{path_of(key, after, self._space)} {problem}{other}{going}"
            yield Finding(place, told, "restart the gateway with the new model")


def _begins_history(variable: tuple[VariableAttributes | None, VariableAttributes | None]) -> bool:
    before, after = variable
    return after is not None and after.historizing and (before is None or not before.historizing)
