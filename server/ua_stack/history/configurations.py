"""What a variable's HistoricalDataConfiguration says of its aggregates (Part 11 v1.05 5.2.3, Part 13 v1.05 4.2.1.2)."""

from __future__ import annotations

from typing import Final

from asyncua import ua

from historian.aggregates.kinds import AggregateConfiguration
from nodesets.built_in_types import BuiltInType
from server.address_space.keys import numeric_key
from server.address_space.node import HeldValue, SpaceNode
from server.address_space.space import AddressSpace

HAS_HISTORICAL_CONFIGURATION: Final = numeric_key(0, ua.ObjectIds.HasHistoricalConfiguration)
_NUMBER: Final = numeric_key(0, ua.ObjectIds.Number)
_USUAL: Final = AggregateConfiguration()


class Configurations:
    """Reads what the model says of a variable, else what holds for all."""

    def __init__(self, space: AddressSpace) -> None:
        """Look into ``space``."""
        self._space = space

    def own(self, node: SpaceNode) -> SpaceNode | None:
        """Give the configuration that a variable refers to."""
        return next(
            (self._space.get(to) for kind, to in node.forward if kind == HAS_HISTORICAL_CONFIGURATION),
            None,
        )

    def is_stepped(self, node: SpaceNode) -> bool:
        """Tell whether a value holds until the next, or a line leads there: of numbers, unless the model says else."""
        own = self.own(node)
        said = None if own is None else self._property(own, "Stepped")
        return self.is_stepped_by_type(node) if said is None else bool(said)

    def is_stepped_by_type(self, node: SpaceNode) -> bool:
        """Tell so for a variable of which nothing is said: enumerations, Booleans and texts hold."""
        return node.variable is None or not self._space.is_subtype(node.variable.data_type, _NUMBER)

    def of(self, node: SpaceNode) -> AggregateConfiguration:
        """Give the defaults of a variable's aggregates."""
        own = self.own(node)
        holder = None if own is None else self._child(own, "AggregateConfiguration")
        if holder is None:
            return _USUAL
        bad, good = self._property(holder, "PercentDataBad"), self._property(holder, "PercentDataGood")
        uncertain, sloped = (
            self._property(holder, "TreatUncertainAsBad"),
            self._property(holder, "UseSlopedExtrapolation"),
        )
        return AggregateConfiguration(
            _USUAL.treat_uncertain_as_bad if uncertain is None else bool(uncertain),
            _USUAL.percent_bad if bad is None else bad,
            _USUAL.percent_good if good is None else good,
            _USUAL.sloped if sloped is None else bool(sloped),
        )

    def _child(self, node: SpaceNode, name: str) -> SpaceNode | None:
        below = (self._space.get(to) for _, to in node.forward)
        return next((one for one in below if one is not None and one.browse_name == (0, name)), None)

    def _property(self, node: SpaceNode, name: str) -> int | None:
        """Give a Boolean's or Byte's number; None where the model gives no constant."""
        child = self._child(node, name)
        value = None if child is None else child.value
        variant = value.variant if isinstance(value, HeldValue) else value
        if not isinstance(variant, bytes) or variant[0] not in (BuiltInType.Boolean, BuiltInType.Byte):
            return None
        return variant[1]
