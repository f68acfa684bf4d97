"""What an operator is: a package with settings, the operator itself, a manifest and a README.

The server room owns everything around it: it finds the input nodes, keeps the bounded queue before the operator, makes
nodes of the manifest's definitions and batches of the outputs. An operator computes, and says truthfully how good the
outcome is:

* an output's severity is never better than the worst input's it came from; a Bad input gives a Bad output;
* its source time is the input's;
* no output is NaN or infinite, and none leaves its declared range.

An operator does no I/O, starts no task and keeps no clock of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from analytics.definitions import InputDefinition, MethodDefinition, OutputDefinition, ParameterDefinition, Value
from core.batch import Samples, TimeArray, ValueArray
from core.quality import StatusArray
from core.settings import Settings


class OperatorSettings(Settings):
    """What every operator's section holds; an operator's settings class adds its own keys.

    ``name``: BrowseName of the operator's object beneath the object that the first input stands under; empty: the
    input's BrowseName followed by the manifest's ``type_name`` without ``Type``.
    """

    operator: str
    name: str = ""

    @abstractmethod
    def input_nodes(self) -> dict[str, str]:
        """Give the node text of each input by the input's name, in the manifest's order."""


@dataclass(frozen=True, slots=True, eq=False)
class OutputColumn:
    """One output's values for the samples that came in. Immutable, as the samples are whose arrays it may share.

    ``values``: [n] of the output's ``datatype.dtype``; ``status``: uint32[n]; ``source_time``: int64[n] DateTime ticks.
    """

    values: ValueArray
    status: StatusArray
    source_time: TimeArray


@dataclass(frozen=True, slots=True, eq=False)
class OperatorOutput:
    """What one ``process`` gave: a column for each of the manifest's outputs, in their order."""

    columns: tuple[OutputColumn, ...]


class Operator(Protocol):
    """One operator at work. Made by :attr:`OperatorManifest.make`; every method runs on the event loop's thread."""

    def process(self, samples: Samples) -> OperatorOutput:
        """Take samples of the input slots, oldest first, and give one entry a sample; no value makes it raise."""
        ...

    def parameters(self) -> Mapping[str, Value]:
        """Give the present value of each parameter by its name."""
        ...

    def set_parameter(self, name: str, value: object) -> None:
        """Change one parameter; holds from the next sample on.

        Raises :class:`~analytics.definitions.OperatorRefused` (BadNodeIdUnknown, BadTypeMismatch, BadOutOfRange)
        and then has changed nothing.
        """
        ...

    async def call(self, method: str, arguments: Sequence[object]) -> tuple[Value, ...]:
        """Carry out a method and give its output arguments.

        Raises :class:`~analytics.definitions.OperatorRefused` (BadMethodInvalid, BadArgumentsMissing,
        BadTooManyArguments, BadInvalidArgument, BadInvalidState) and then has changed nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class OperatorContext:
    """What an operator may know of its surroundings. ``name``: for its messages. ``slots``: input name -> slot."""

    name: str
    slots: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OperatorManifest:
    """An operator package's card: ``MANIFEST`` in ``analytics/<package>/manifest.py``.

    ``name``: how the configuration calls it. ``type_name``: BrowseName of its ObjectType in
    :data:`analytics.definitions.NAMESPACE`. ``make(settings, context)`` gets an instance of ``settings``.
    """

    name: str
    title: str
    description: str
    type_name: str
    settings: type[OperatorSettings]
    make: Callable[[Any, OperatorContext], Operator]  # each operator takes its own settings class
    inputs: tuple[InputDefinition, ...]
    outputs: tuple[OutputDefinition, ...]
    parameters: tuple[ParameterDefinition, ...] = ()
    methods: tuple[MethodDefinition, ...] = ()

    def object_name(self, settings: OperatorSettings, input_name: str) -> str:
        """Name the operator's object: as configured, else after the first input's BrowseName (``input_name``)."""
        return settings.name or f"{input_name}{self.type_name.removesuffix('Type')}"
