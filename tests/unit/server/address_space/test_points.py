"""Points whose values are not what their type says."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.datatypes import DataType
from core.image import Point, ProcessImage
from server.address_space.points import Points
from tests.unit.server.address_space.plant import NOW


@dataclass
class Stranger:
    """A structure that asyncua has never heard of."""

    Value: float = 0.0


def test_an_object_of_an_unknown_class_is_told_by_a_status_code() -> None:
    points = Points(ProcessImage([Point("nsu=urn:x;s=p0", DataType.VARIANT)], NOW), {})
    for given in (
        ua.Variant(Stranger(), ua.VariantType.ExtensionObject),
        object(),
        ua.Variant("x", ua.VariantType.Int32),
    ):
        assert points.encode(DataType.VARIANT, given, 0) == (None, StatusCodes.BadEncodingError)
