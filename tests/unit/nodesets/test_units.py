# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from nodesets.ua_units import eu_information, unit_of
from nodesets.units import UNECE_URI, Unit, all_units, by_code, by_symbol, by_unit_id


def test_codes_are_unique_and_enough() -> None:
    codes = [unit.code for unit in all_units()]
    assert len(codes) == len(set(codes)) >= 120


@pytest.mark.parametrize(
    ("code", "unit_id"),
    [("CEL", 4408652), ("BAR", 4342098), ("KWH", 4937544), ("P1", 20529), ("L2", 19506), ("4K", 13387)],
)
def test_unit_ids_are_those_published(code: str, unit_id: int) -> None:
    unit = by_code(code)
    assert unit is not None
    assert unit.unit_id == unit_id
    assert by_unit_id(unit_id) is unit


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *[("V", "VLT"), ("A", "AMP"), ("W", "WTT"), ("kW", "KWT"), ("kWh", "KWH"), ("kW·h", "KWH"), ("Wh", "WHR")],
        *[("Hz", "HTZ"), ("°C", "CEL"), ("℃", "CEL"), ("degC", "CEL"), ("rpm", "RPM"), ("%", "P1"), ("km/h", "KMH")],
        *[("bar", "BAR"), ("kPa", "KPA"), ("Pa", "PAL"), ("Nm", "NU"), ("N·m", "NU"), ("VAr", "D44"), ("var", "D44")],
        *[("VA", "D46"), ("kVA", "KVA"), ("kvar", "KVR"), ("kvarh", "K3"), ("min", "MIN"), ("h", "HUR"), ("s", "SEC")],
        *[("ms", "C26"), ("mm", "MMT"), ("m", "MTR"), ("m/s", "MTS"), ("deg", "DD"), ("rad", "C81"), ("Ah", "AMH")],
        *[("m3/h", "MQH"), ("m³/h", "MQH"), ("m^3/h", "MQH"), ("l/min", "L2"), ("L/min", "L2"), ("kg", "KGM")],
        *[
            ("µs", "B98"),
            ("μs", "B98"),
            ("us", "B98"),
            (" kWh ", "KWH"),
            ("KWH", "KWH"),
            ("Volt", "VLT"),
            ("mW", "C31"),
        ],
    ],
)
def test_finds_units_as_register_maps_and_dbc_files_write_them(written: str, code: str) -> None:
    unit = by_symbol(written)
    assert unit is not None
    assert unit.code == code


@pytest.mark.parametrize("written", ["", "furlong", "MS", "mw", "??"])
def test_what_is_unknown_or_could_be_two_is_no_unit(written: str) -> None:
    assert by_symbol(written) is None


@given(st.sampled_from(all_units()))
def test_every_symbol_names_its_unit_and_every_unit_goes_through_eu_information(unit: Unit) -> None:
    assert by_symbol(unit.symbol) is unit
    information = eu_information(unit)
    assert information.NamespaceUri == UNECE_URI
    assert unit_of(information) is unit


def test_another_catalogue_of_units_is_not_taken_for_unece() -> None:
    assert unit_of(ua.EUInformation(NamespaceUri="urn:mine", UnitId=ua.Int32(4408652))) is None
