from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from core.errors import InputError
from nodesets.header import parse_date, read_header
from nodesets.names import STANDARD_NAMESPACE

ROOT = '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">'


def write(folder: Path, body: str) -> Path:
    file = folder / "a.NodeSet2.xml"
    file.write_text(ROOT + body + "</UANodeSet>", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-05-01T00:00:00Z", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T00:00:00", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T10:00:00.125Z", datetime(2024, 5, 1, 10, 0, 0, 125000, tzinfo=UTC)),
        ("2024-05-01T10:00:00.1234567Z", datetime(2024, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T02:00:00+02:00", datetime(2024, 5, 1, 2, tzinfo=timezone(timedelta(hours=2)))),
        ("in May", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_reads_dates_as_published_files_write_them(text: str, date: datetime | None) -> None:
    assert parse_date(text) == date


def test_reads_namespaces_models_and_requirements_with_their_places(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
<NamespaceUris><Uri>urn:a</Uri><Uri>urn:b</Uri></NamespaceUris>
<Models>
  <Model ModelUri="urn:a" Version="1.2" PublicationDate="2024-05-01T00:00:00Z">
    <RequiredModel ModelUri="http://opcfoundation.org/UA/"/>
    <RequiredModel ModelUri="urn:b" PublicationDate="soon"/>
  </Model>
</Models>""",
    )
    header = read_header(file)
    assert header.namespaces == (STANDARD_NAMESPACE, "urn:a", "urn:b")
    (model,) = header.models
    assert (model.uri, model.version, model.published) == ("urn:a", "1.2", datetime(2024, 5, 1, tzinfo=UTC))
    assert [(need.uri, need.version, need.published) for need in model.required] == [
        (STANDARD_NAMESPACE, "", None),
        ("urn:b", "", None),
    ]
    assert (model.required[1].place.line, model.required[1].place.column) == (6, 5)
    assert [finding.problem for finding in header.warnings] == ["PublicationDate 'soon' is not a date"]


def test_a_file_older_than_the_models_element_requires_its_other_namespaces(tmp_path: Path) -> None:
    header = read_header(write(tmp_path, "<NamespaceUris><Uri>urn:a</Uri><Uri>urn:b</Uri></NamespaceUris>"))
    assert [(model.uri, [need.uri for need in model.required]) for model in header.models] == [("urn:a", ["urn:b"])]


def test_the_standard_namespace_listed_first_keeps_index_0(tmp_path: Path) -> None:
    header = read_header(
        write(tmp_path, f"<NamespaceUris><Uri>{STANDARD_NAMESPACE}</Uri><Uri>urn:a</Uri></NamespaceUris>")
    )
    assert header.namespaces == (STANDARD_NAMESPACE, "urn:a")


def test_stops_at_the_first_node(tmp_path: Path) -> None:
    file = write(tmp_path, '<Models><Model ModelUri="urn:a"/></Models><UAObject NodeId="i=1"/><broken')
    assert [model.uri for model in read_header(file).models] == ["urn:a"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.xml: cannot be read: No such file or directory"):
        read_header(tmp_path / "none.xml")


def test_reads_every_published_header(corpus: Path) -> None:
    files = sorted((corpus / "nodesets").rglob("*.xml"))
    assert len(files) >= 24
    for file in files:
        header = read_header(file)
        assert header.warnings == ()
        assert all(model.uri and model.published for model in header.models)


def test_reads_versions_and_the_namespaces_default_permissions(tmp_path: Path) -> None:
    header = read_header(
        write(
            tmp_path,
            """<NamespaceUris><Uri>urn:a</Uri></NamespaceUris>
<Models><Model ModelUri="urn:a" Version="1.05" ModelVersion="1.5.0" XmlSchemaUri="urn:a/Types.xsd"
 AccessRestrictions="3"><RolePermissions><RolePermission Permissions="7">i=15644</RolePermission>
<RolePermission Permissions="all">i=1</RolePermission></RolePermissions>
<RequiredModel ModelUri="urn:b" Version="2" ModelVersion="2.0.0"/></Model></Models>""",
        )
    )
    (model,) = header.models
    assert (model.version, model.model_version, model.xml_schema_uri) == ("1.05", "1.5.0", "urn:a/Types.xsd")
    assert model.access_restrictions == 3
    assert model.role_permissions == (("i=15644", 7), ("i=1", 0))
    (need,) = model.required
    assert (need.uri, need.version, need.model_version) == ("urn:b", "2", "2.0.0")
    (warning,) = header.warnings
    assert (warning.place.line, warning.place.column) == (4, 1)
    assert warning.problem == "Permissions 'all' is not a number and counts as 0"


def test_required_models_belong_to_the_model_that_they_stand_in(tmp_path: Path) -> None:
    header = read_header(
        write(
            tmp_path,
            '<Models><Model ModelUri="urn:a"><RequiredModel ModelUri="urn:b"/></Model>'
            '<Model ModelUri="urn:c"/></Models>',
        )
    )
    assert [(model.uri, [need.uri for need in model.required]) for model in header.models] == [
        ("urn:a", ["urn:b"]),
        ("urn:c", []),
    ]


@pytest.mark.parametrize(
    ("models", "kept", "problem"),
    [
        ('<Model ModelUri="urn:a"/><Model Version="2"/>', ["urn:a"], "Model has no ModelUri"),
        (
            '<Model ModelUri="urn:a" Version="1"/><Model ModelUri="urn:a" Version="2"/>',
            ["urn:a"],
            "the model urn:a is named twice; the first stands",
        ),
        (
            '<Model ModelUri="urn:A"/>',
            ["urn:A"],
            "the model urn:A is not among NamespaceUris, so no node of the file is of it",
        ),
    ],
)
def test_models_that_no_node_can_be_of_are_told(tmp_path: Path, models: str, kept: list[str], problem: str) -> None:
    header = read_header(write(tmp_path, f"<NamespaceUris><Uri>urn:a</Uri></NamespaceUris><Models>{models}</Models>"))
    assert [model.uri for model in header.models] == kept
    (warning,) = header.warnings
    assert (warning.problem, warning.place.line) == (problem, 1)


def test_a_namespace_without_a_uri_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a Uri of NamespaceUris is empty"):
        read_header(write(tmp_path, "<NamespaceUris><Uri> </Uri></NamespaceUris>"))
