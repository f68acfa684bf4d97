"""Units as the EUInformation and Range structures that analog items carry."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

from asyncua import ua

from nodesets.units import UNECE_URI, Unit, by_unit_id


def eu_information(unit: Unit) -> ua.EUInformation:
    """Make the value of an EngineeringUnits property (Part 8 v1.05 5.6.3)."""
    return ua.EUInformation(
        NamespaceUri=UNECE_URI,
        UnitId=ua.Int32(unit.unit_id),
        DisplayName=ua.LocalizedText(unit.symbol),
        Description=ua.LocalizedText(unit.description),
    )


def unit_of(information: ua.EUInformation) -> Unit | None:
    """Find the unit that an EngineeringUnits property names; None for another catalogue of units."""
    return by_unit_id(information.UnitId) if information.NamespaceUri == UNECE_URI else None
