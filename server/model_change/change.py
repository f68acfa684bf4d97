"""A change of the model, from the difference to what clients see."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from core.batch import Batch
from core.datatypes import DataType
from core.errors import Finding, Place, PlantspaceError
from core.image import ProcessImage
from core.quality import Status
from core.time import now, to_iso
from nodesets.model import Model
from server.address_space.asyncua_values import decode_variant, encode_variant
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key
from server.address_space.node import HeldValue, Link
from server.address_space.points import Points
from server.address_space.space import AddressSpace
from server.model_change.comparing import SpaceDifference, compare
from server.model_change.paths import path_of
from server.model_change.preparing import Prepared, prepare
from server.model_change.report import ModelReport, altered_words, bounded_lines, summary_of
from server.model_change.swap import Step
from server.model_change.uses import broken_uses, settled_access, uses_of
from server.model_change.verbs import NodeChange, node_changes, version_properties
from server.plan import Plan
from server.plan.memory import point_value
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


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A memory point that nobody wrote, and the value that the file now gives it."""

    slot: int
    before: Any  # values of the point's built-in type
    batch: Batch


class ModelChange:
    """The difference between what is served and a new model, checked and ready to be applied, once.

    ``report`` tells it, ``changes`` is what a ModelChangeEvent says of it. Made by :meth:`plan`.
    """

    def __init__(
        self, plan: Plan, image: ProcessImage, difference: SpaceDifference, uris: tuple[str, ...], after: AddressSpace
    ) -> None:
        """Look at everything; nothing is changed. ``uris``: the new namespaces. ``after``: the new model's nodes."""
        self._plan = plan
        self._space = plan.stack.internal.space
        self._image = image
        self._difference = difference
        self._uris = uris
        self.changes: list[NodeChange] = node_changes(difference)
        self._dropped = self._points_that_end()
        slots = plan.points.slots
        self._slots = {nodeid: slot for nodeid, slot in slots.items() if nodeid not in self._dropped}
        self._points = self._points_that_stay()
        self._settled = settled_access(plan)
        self._moment = now()
        self._replaced: object = None
        """What was served before. It goes with this object, which is best let go of in a thread."""
        self._prepared = self._prepare()
        self.report = self._report(after)
        self._shown = list(self._new_values()) if not self.report.findings else []

    @classmethod
    def plan(cls, plan: Plan, image: ProcessImage, model: Model) -> ModelChange:
        """Compare ``model`` with what ``plan`` serves. Blocks, 30 us a node: for a thread.

        ``model`` has no findings. Raises :class:`~server.address_space.loading.LoadError` for nodes that cannot be.
        """
        nodeids = plan.nodeids
        namespaces = tuple(dict.fromkeys((*nodeids.uris, *model.namespaces)))
        after = AddressSpace()
        problems = load_model(after, model, namespaces)
        describe_namespaces(after, NodeBuilder(after), model, NodeIds(namespaces))
        difference = compare(plan.stack.loaded, after)
        change = cls(plan, image, difference, namespaces[len(nodeids.uris) :], after)
        change.report = replace(change.report, notes=(*problems, *change.report.notes))
        return change

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
        swap.apply(space)
        try:
            for shown in self._shown:
                if _same(self._image.read(shown.slot).value, shown.before):
                    self._image.apply(shown.batch)
            if self._points is not None:
                internal.attributes.points = self._points
            internal.subscriptions.leave_points(self._dropped)
        except BaseException:
            internal.attributes.points = points
            swap.undo(space)
            raise
        plan = self._plan
        self._replaced = (plan.points.slots, plan.stack.loaded, plan.directory.forget())
        plan.points.slots, plan.stack.loaded = self._slots, self._difference.after
        plan.nodeids.extend(self._uris)
        return replace(self.report, applied=True, seconds=time.perf_counter() - begin)

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

    def _points_that_stay(self) -> Points | None:
        points = self._plan.stack.internal.attributes.points
        if points is None or not self._dropped:
            return None
        ending = {key_of(nodeid) for nodeid in self._dropped}
        return replace(points, slots={key: slot for key, slot in points.slots.items() if key not in ending})

    def _new_values(self) -> Iterable[_Shown]:
        """Give the memory points whose value in the file is another."""
        points = self._plan.points
        for key, alteration in self._difference.altered.items():
            slot = points.slots.get(nodeid_of(key)) if "value" in alteration.attributes else None
            if slot is None or slot in points.places or alteration.is_retyped:
                continue
            datatype = self._image.points[slot].datatype
            before, value = (_decoded(datatype, one.value) for one in (alteration.before, alteration.after))
            if value is None:
                continue
            values = np.empty(1, datatype.dtype)
            values[0] = value
            batch = Batch(np.array([slot], np.int32), values, Status.GOOD, self._moment, self._moment)
            yield _Shown(slot, before, batch)

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
            tuple(sorted(set(findings))), summary_of(difference, self._uris), lines, tuple(self._notes(added))
        )

    def _notes(self, added: Mapping[NodeKey, str]) -> Iterable[str]:
        """Say what only the next start brings."""
        variables = [node.variable for key, node in self._difference.added.items() if key in added and node.variable]
        if variables:
            yield "new variables become memory points, kept over a restart, with the next start of the gateway"
        if any(variable.historizing for variable in variables):
            yield "history of new variables begins with the next start of the gateway"

    def _obstacles(self, after: AddressSpace) -> Iterable[Finding]:
        place = Place.of(self._plan.config)
        for key, problem, foreign in self._prepared.obstacles:
            other = f" {path_of(foreign, self._space)}" if foreign is not None else ""
            going = ", and the new model does not have it" if key in self._difference.removed else ""
            told = f"{path_of(key, after, self._space)} {problem}{other}{going}"
            yield Finding(place, told, "restart the gateway with the new model")


def _decoded(datatype: DataType, value: object) -> Any:  # noqa: ANN401 - any value of a built-in type
    return point_value(datatype, decode_variant(value)) if isinstance(value, bytes) else None


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(other))
    return one == other
