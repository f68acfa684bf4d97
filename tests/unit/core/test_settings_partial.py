from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import field_validator, model_validator

from core.errors import Findings
from core.settings import Document, Settings
from core.settings.partial import sound_part, texts_of


class _Inner(Settings):
    level: int = 0


class _Settings(Settings):
    url: str
    unit: int = 1
    inner: _Inner = _Inner()
    names: list[str] | None = None

    @field_validator("url")
    @classmethod
    def _has_scheme(cls, value: str) -> str:
        if "://" not in value:
            message = "no scheme"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _fits(self) -> _Settings:
        if self.unit == 13:
            message = "unlucky"
            raise ValueError(message)
        return self


def _document(folder: Path, text: str) -> Document:
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    assert document is not None
    assert not findings
    return document


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("{url: 'a://', unit: 2}", {"url": "a://", "unit": 2}, []),
        ("{url: 'a://', unit: two}", {"url": "a://"}, ["unit"]),
        ("{url: a, unit: 2}", {"unit": 2}, ["url"]),
        ("{unit: 2}", {"unit": 2}, ["url"]),
        ("{url: 'a://', uniit: 2}", {"url": "a://"}, ["unit"]),
        ("{url: 'a://', unit: 3, uniit: 2}", {"unit": 3}, []),
        ("{url: 'a://', colour: red}", {"unit": 1}, []),
        ("{url: 'a://', inner: {level: high}}", {"unit": 1}, ["inner"]),
        ("{url: '${env:PLANTSPACE_TEST_NOT_SET}'}", {"unit": 1}, ["url"]),
        ("{url: 'a://', names: ['${env:PLANTSPACE_TEST_NOT_SET}']}", {"unit": 1}, ["names"]),
        ("[1]", {"unit": 1}, ["url"]),
    ],
)
def test_keys_that_are_right_are_there_and_others_are_not(
    tmp_path: Path, text: str, right: dict[str, object], wrong: list[str]
) -> None:
    part = sound_part(_Settings, _document(tmp_path, text))
    assert part is not None
    assert {key: getattr(part, key) for key in right} == right
    for key in wrong:
        assert not hasattr(part, key)


@pytest.mark.parametrize("text", ["{url: 'a://', unit: 13}", "{url: a, unit: 13}"])
def test_keys_that_do_not_go_together_leave_nothing(tmp_path: Path, text: str) -> None:
    assert sound_part(_Settings, _document(tmp_path, text)) is None


def test_texts_of_a_list_know_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTSPACE_TEST_SET", "b")
    document = _document(
        tmp_path, "names: [a, 1, '${env:PLANTSPACE_TEST_SET}.xml', '${env:PLANTSPACE_TEST_NOT_SET}', [c]]\none: a\n"
    )
    assert [(text, place.column) for text, place in texts_of(document, "names")] == [("a", 9), ("b.xml", 15)]
    assert texts_of(document, "one") == []
    assert texts_of(document, "none") == []
