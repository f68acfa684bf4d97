"""What stands beside the nodes: headers of files, findings and problems with their places."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import cast

from core.errors import Finding, Place
from nodesets.compiled.problems import all_of, rows_of, text_or_none, the, within
from nodesets.compiled.tables import Raw
from nodesets.header import Header, Model, RequiredModel
from nodesets.names import MAX_NUMERIC
from nodesets.nodeset import Problem
from nodesets.parsing.places import Spot


def header_row(header: Header) -> Raw:
    """Write a header."""
    models = [_model_row(one) for one in header.models]
    return [str(header.file), list(header.namespaces), models, finding_rows(header.warnings)]


def read_header_row(raw: object) -> Header:
    """Read a header. Raises as all of this package do."""
    file, namespaces, models, warnings = cast("Raw", the(list, raw))
    uris, entries = tuple(all_of(str, namespaces)), tuple(map(_model, rows_of(models)))
    return Header(Path(the(str, file)), uris, entries, read_findings(warnings))


def finding_rows(findings: Iterable[Finding]) -> Raw:
    """Write findings."""
    return [[*_place_row(one.place), one.problem, one.mend] for one in findings]


def read_findings(raw: object) -> tuple[Finding, ...]:
    """Read findings."""
    return tuple(
        Finding(_place((file, line, column)), the(str, problem), the(str, mend))
        for file, line, column, problem, mend in rows_of(raw)
    )


def problem_rows(problems: Iterable[Problem]) -> Raw:
    """Write problems."""
    return [[one.spot.position, one.spot.number, list(one.spot.path), one.problem, one.mend] for one in problems]


def read_problems(raw: object) -> list[Problem]:
    """Read problems."""
    return [
        Problem(Spot(the(int, position), the(int, number), tuple(all_of(str, path))), the(str, problem), the(str, mend))
        for position, number, path, problem, mend in rows_of(raw)
    ]


def _model_row(model: Model) -> Raw:
    required = [_required_row(one) for one in model.required]
    row = [model.uri, model.version, _date_row(model.published), _place_row(model.place), required]
    roles = [list(one) for one in model.role_permissions]
    return [*row, model.model_version, model.xml_schema_uri, model.access_restrictions, roles]


def _model(raw: object) -> Model:
    uri, version, published, place, required, semantic, schema, restrictions, roles = cast("Raw", raw)
    return Model(
        the(str, uri),
        the(str, version),
        _date(published),
        _place(place),
        tuple(map(_required, rows_of(required))),
        the(str, semantic),
        the(str, schema),
        the(int, restrictions),
        tuple((the(str, role), the(int, permissions)) for role, permissions in rows_of(roles)),
    )


def _required_row(need: RequiredModel) -> Raw:
    return [need.uri, need.version, _date_row(need.published), _place_row(need.place), need.model_version]


def _required(raw: object) -> RequiredModel:
    uri, version, published, place, semantic = cast("Raw", raw)
    return RequiredModel(the(str, uri), the(str, version), _date(published), _place(place), the(str, semantic))


def _date_row(date: datetime | None) -> str | None:
    return None if date is None else date.isoformat()


def _date(raw: object) -> datetime | None:
    text = text_or_none(raw)
    return None if text is None else datetime.fromisoformat(text)


def _place_row(place: Place) -> Raw:
    return [place.file, place.line, place.column]


def _place(raw: object) -> Place:
    file, line, column = cast("Raw", raw)
    numbers = within([the(int, line), the(int, column)], 0, MAX_NUMERIC)
    return Place(the(str, file), *numbers)
