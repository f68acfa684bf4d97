from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Place
from nodesets import library
from nodesets.library import Published
from nodesets.resolver import NamedModel, Resolution, resolve

ROOT = '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">'


def nodeset(
    file: Path,
    uri: str,
    required: Iterable[str] = (),
    *,
    date: str = "2024-01-01",
    used: Iterable[str] = (),
    since: str = "2024-01-01",
    version: str = "",
) -> Path:
    needs = "".join(f'\n<RequiredModel ModelUri="{need}" PublicationDate="{since}"/>' for need in required)
    uris = "".join(f"<Uri>{each}</Uri>" for each in (uri, *used))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"{ROOT}<NamespaceUris>{uris}</NamespaceUris><Models>"
        f'<Model ModelUri="{uri}" PublicationDate="{date}" {version}>{needs}</Model></Models></UANodeSet>',
        encoding="utf-8",
    )
    return file


def order(resolution: Resolution) -> list[str]:
    return [header.file.stem for header in resolution.files]


@given(st.data())
def test_every_file_comes_after_what_it_requires(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    needs = {
        index: data.draw(st.sets(st.integers(0, index - 1)) if index else st.just(set[int]())) for index in range(count)
    }
    given_order = data.draw(st.permutations(range(count)))
    listed = set(data.draw(st.sets(st.sampled_from(range(count)), min_size=1)))
    with TemporaryDirectory() as name:
        for index, required in needs.items():
            nodeset(Path(name) / f"{index}.xml", f"urn:{index}", [f"urn:{each}" for each in required])
        files = [Path(name) / f"{index}.xml" for index in given_order if index in listed]
        resolution = resolve(files, [Path(name)])
    assert resolution.findings == ()
    names = order(resolution)
    places = {int(each): place for place, each in enumerate(names)}
    assert len(places) == len(names)
    assert listed <= places.keys()
    for index, place in places.items():
        assert all(places[each] < place for each in needs[index])


def test_takes_the_newest_file_of_the_folders(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    nodeset(tmp_path / "first" / "old.xml", "urn:line", date="2024-02-01T00:00:00Z")
    nodeset(tmp_path / "second" / "deeper" / "new.xml", "urn:line", date="2025-02-01T00:00:00")
    nodeset(tmp_path / "second" / "unused.xml", "urn:other")
    assert order(resolve([plant], [tmp_path / "first", tmp_path / "second"])) == ["new", "plant"]


def test_a_file_that_is_listed_goes_before_one_of_the_folders(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    line = nodeset(tmp_path / "line.xml", "urn:line", date="2020-01-01")
    nodeset(tmp_path / "library" / "new.xml", "urn:line", date="2025-02-01")
    resolution = resolve([plant, line], [tmp_path / "library"])
    assert order(resolution) == ["line", "plant"]
    (warning,) = resolution.warnings
    assert warning.problem == f"requires urn:line of 2024-01-01, but {line} is of 2020-01-01"


def test_the_packaged_model_is_found_without_a_folder(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["https://plantspace.io/UA/"])
    assert order(resolve([plant])) == ["plantspace.NodeSet2", "plant"]


def test_a_namespace_used_but_not_required_is_put_in_front(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", used=["urn:line", "urn:nowhere"])
    nodeset(tmp_path / "library" / "line.xml", "urn:line")
    resolution = resolve([plant], [tmp_path / "library"])
    assert (order(resolution), resolution.findings) == (["line", "plant"], ())


def test_a_missing_model_says_who_requires_it_and_where_was_looked(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    resolution = resolve([plant], [tmp_path / "library"])
    (finding,) = resolution.findings
    assert str(finding.place) == f"{plant}:2:1"
    assert "requires the model urn:line" in finding.problem
    assert str(tmp_path / "library") in finding.problem
    assert resolution.missing == {"urn:line"}
    assert [str(warning) for warning in resolution.warnings] == [
        f"{tmp_path / 'library'}: no such folder to search for models (correct model.search)"
    ]


def test_one_file_listed_twice_is_one_file(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant")
    resolution = resolve([plant, plant])
    assert (order(resolution), resolution.findings) == (["plant"], ())


def test_the_standard_namespace_is_left_out_and_said(tmp_path: Path) -> None:
    standard = nodeset(tmp_path / "Opc.Ua.NodeSet2.xml", "http://opcfoundation.org/UA/")
    resolution = resolve([standard])
    assert (resolution.files, resolution.findings) == ((), ())
    assert [warning.problem for warning in resolution.warnings] == ["left out: the standard namespace is built in"]


def test_other_xml_and_broken_files_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    nodeset(tmp_path / "library" / "line.xml", "urn:line")
    (tmp_path / "library" / "pom.xml").write_text("<project/>")
    (tmp_path / "library" / "broken.xml").write_text(ROOT + "<Mod")
    assert resolve([plant], [tmp_path / "library"]).findings == ()


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ('Version="1.0 RC 1"', 'Version="1.0"'),
        ('Version="1.0 RC 1"', 'Version="1.0 RC 2"'),
        ('Version="1.9"', 'Version="1.10"'),
        ('Version="1.05"', 'Version="1.05.04"'),
        ('Version=""', 'Version="0"'),
        ('ModelVersion="1.0.0-beta"', 'ModelVersion="1.0.0"'),
        ('ModelVersion="1.0.0-alpha"', 'ModelVersion="1.0.0-beta"'),
        ('Version="9" ModelVersion="1.2.3"', 'Version="1" ModelVersion="1.2.4"'),
    ],
)
def test_files_of_one_day_are_compared_by_version(tmp_path: Path, older: str, newer: str) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    for first, second in (("a", "b"), ("b", "a")):
        old = nodeset(tmp_path / first / f"{first}.xml", "urn:line", version=older)
        new = nodeset(tmp_path / first / f"{second}.xml", "urn:line", version=newer)
        resolution = resolve([plant], [tmp_path / first])
        assert order(resolution) == [new.stem, "plant"]
        assert [header.file for header in resolution.others["urn:line"]] == [old]


def test_a_later_date_goes_before_a_higher_version(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    nodeset(tmp_path / "library" / "a.xml", "urn:line", date="2024-01-02", version='Version="1"')
    nodeset(tmp_path / "library" / "b.xml", "urn:line", date="2024-01-01", version='Version="2"')
    assert order(resolve([plant], [tmp_path / "library"])) == ["a", "plant"]


def test_a_folders_warnings_are_told_of_the_file_that_is_chosen(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    nodeset(tmp_path / "library" / "line.xml", "urn:line", date="soon")
    nodeset(tmp_path / "library" / "unused.xml", "urn:unused", date="late")
    (warning,) = resolve([plant], [tmp_path / "library"]).warnings
    assert warning.problem == "PublicationDate 'soon' is not a date"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a file of 2025 for urn:line in the place of the published library."""
    file = nodeset(tmp_path / "published" / "published.xml", "urn:line", date="2025-01-01")
    made = {"urn:line": (Published("urn:line", "1", file, ""),)}
    monkeypatch.setattr(library, "published", lambda: made)
    return file


@pytest.mark.usefixtures("published")
def test_the_library_has_what_no_folder_has(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    assert order(resolve([plant])) == ["published", "plant"]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("since", "chosen"),
    [("2020-01-01", "own"), ("2023-01-01", "own"), ("2023-01-02", "published"), ("2030-01-01", "published")],
)
def test_a_folders_file_goes_before_the_librarys_unless_it_is_older_than_required(
    tmp_path: Path, since: str, chosen: str
) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"], since=since)
    nodeset(tmp_path / "library" / "own.xml", "urn:line", date="2023-01-01")
    resolution = resolve([plant], [tmp_path / "library"])
    assert order(resolution) == [chosen, "plant"]
    assert (resolution.warnings != ()) is (since == "2030-01-01")


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("first", [0, 1])
def test_the_newest_requirement_counts_whoever_comes_first(tmp_path: Path, first: int) -> None:
    files = [
        nodeset(tmp_path / "a.xml", "urn:a", ["urn:line"], since="2020-01-01"),
        nodeset(tmp_path / "b.xml", "urn:b", ["urn:line"], since="2024-01-01"),
    ]
    nodeset(tmp_path / "library" / "own.xml", "urn:line", date="2023-01-01")
    resolution = resolve([files[first], files[1 - first]], [tmp_path / "library"])
    assert resolution.files[0].file.stem == "published"
    assert (resolution.findings, resolution.warnings) == ((), ())
    assert len(resolution.files) == 3


def requiring(file: Path, need: str) -> Path:
    nodeset(file, "urn:plant")
    text = file.read_text(encoding="utf-8").replace("</Model>", f"<RequiredModel {need}/></Model>")
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("need", "told"),
    [
        ('Version="1.2"', ""),
        ('Version="1.10"', "requires urn:line 1.10, but {} is 1.2"),
        ('Version="2" ModelVersion="1.2.3"', ""),
        ('Version="1" ModelVersion="1.10.0"', "requires urn:line 1.10.0, but {} is 1.2.3"),
        ('Version="9" PublicationDate="2020-01-01T00:00:00Z"', ""),
        (
            'Version="1" PublicationDate="2025-01-01T00:00:00Z"',
            "requires urn:line of 2025-01-01, but {} is of 2024-01-01",
        ),
    ],
)
def test_a_model_that_is_older_than_required_is_told(tmp_path: Path, need: str, told: str) -> None:
    line = nodeset(tmp_path / "library" / "line.xml", "urn:line", version='Version="1.2" ModelVersion="1.2.3"')
    plant = requiring(tmp_path / "plant.xml", f'ModelUri="urn:line" {need}')
    resolution = resolve([plant], [tmp_path / "library"])
    assert order(resolution) == ["line", "plant"]
    assert [warning.problem for warning in resolution.warnings] == [told.format(line)] * bool(told)


@pytest.mark.parametrize(("since", "count"), [("2020-01-01", 0), ("2999-01-01", 1)])
def test_a_standard_namespace_that_is_older_than_required_is_told(tmp_path: Path, since: str, count: int) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["http://opcfoundation.org/UA/"], since=since)
    warnings = resolve([plant]).warnings
    assert len(warnings) == count
    for warning in warnings:
        assert warning.problem.startswith("requires http://opcfoundation.org/UA/ of 2999-01-01, and the one that is")
        assert warning.place.line == 2


def test_a_model_that_is_missing_by_a_letter_is_told_with_its_right_name(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["http://opcfoundation.org/UA/Machinary"])
    (finding,) = resolve([plant]).findings
    assert finding.mend.startswith("did you mean http://opcfoundation.org/UA/Machinery/? Else put its NodeSet2 file")


def test_files_that_cannot_be_read_are_told_where_a_model_is_missing(tmp_path: Path) -> None:
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    broken = tmp_path / "library" / "line.xml"
    broken.parent.mkdir()
    broken.write_text(ROOT + "<Models><Mod")
    (warning,) = resolve([plant], [tmp_path / "library"]).warnings
    assert (warning.place.file, warning.problem) == (str(broken), "passed over: not well-formed XML: unclosed token")


def test_threat_25_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    os.mkfifo(tmp_path / "library" / "line.xml")
    plant = nodeset(tmp_path / "plant.xml", "urn:plant", ["urn:line"])
    resolution = resolve([plant, tmp_path / "library" / "line.xml"], [tmp_path / "library"])
    assert resolution.findings[0].problem == "cannot be read: it is no file"


_HERE = Place("plant.yaml", 3, 5)


def test_models_are_wanted_by_their_uris(tmp_path: Path) -> None:
    nodeset(tmp_path / "library" / "plant.xml", "urn:plant", ["urn:line"])
    nodeset(tmp_path / "library" / "line.xml", "urn:line")
    own = nodeset(tmp_path / "own.xml", "urn:own")
    resolution = resolve([own], [tmp_path / "library"], [NamedModel("urn:plant", _HERE), NamedModel("urn:own", _HERE)])
    assert order(resolution) == ["own", "line", "plant"]
    assert (resolution.findings, resolution.missing) == ((), frozenset())


@pytest.mark.usefixtures("published")
def test_a_model_wanted_by_its_uri_may_be_of_the_library_or_the_standard_namespace() -> None:
    named = [NamedModel("urn:line", _HERE), NamedModel("http://opcfoundation.org/UA/", _HERE)]
    resolution = resolve([], [], named)
    assert (order(resolution), resolution.findings) == (["published"], ())


def test_a_uri_that_no_file_has_is_told_where_it_is_written_with_what_is_like_it(tmp_path: Path) -> None:
    nodeset(tmp_path / "line.xml", "urn:factory:line")
    resolution = resolve([], [tmp_path], [NamedModel("urn:factory:Lines", _HERE)])
    (finding,) = resolution.findings
    assert finding.place == _HERE
    assert finding.problem.startswith(f"no file has the model urn:factory:Lines (looked in {tmp_path}, ")
    assert finding.mend.startswith("did you mean urn:factory:line? Else put")
    assert resolution.missing == {"urn:factory:Lines"}
