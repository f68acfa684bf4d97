"""Builds settings from a document; everything wrong becomes findings at their places."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.errors import Findings
from core.settings.base import Settings, hide_references
from core.settings.document import Section
from core.settings.nearest import advise, nearest
from core.settings.plain import Step
from core.settings.references import References, Resolved
from core.settings.shapes import Shape
from core.settings.words import Said, expected, mismatch, say

S = TypeVar("S", bound=Settings)
T = TypeVar("T")


def build(model: type[S], section: Section, findings: Findings, *, elsewhere: Collection[str] = ()) -> S | None:
    """Validate a document or section as ``model``; None where anything is wrong, which the findings then tell.

    ``elsewhere`` names keys of the mapping that others read: they are known here, and left out.
    """
    data = {} if section.data is None else section.data
    if not isinstance(data, dict):
        label = section.label()
        subject = f"'{label}'" if label else "the file"
        findings.add(section.place(), f"{subject} must be a mapping of keys to values", "write key: value")
        return None
    before = len(findings.items)
    references = References(section.base, section.place, findings)
    filled = references.fill({key: value for key, value in data.items() if key not in elsewhere})
    teller = _Teller(section, findings, references, filled, Shape.of(model), tuple(elsewhere))
    built = None
    try:
        built = model.model_validate(filled)
        hide_references(built, filled)
    except ValidationError as error:
        teller.tell(error.errors(include_url=False))
    teller.tell_truths()
    return built if len(findings.items) == before else None


def choose(section: Section, key: str, choices: Mapping[str, T], findings: Findings) -> T | None:
    """Give what the word at ``key`` chooses, such as a driver's settings class; None, and told, where it does not."""
    names = ", ".join(choices)
    label = section.label((key,))
    word = section.data.get(key) if isinstance(section.data, dict) else None
    if word is None:
        findings.add(section.place((key,), key=True), f"'{label}' is missing", f"write {key}: one of {names}")
    elif not isinstance(word, str):
        findings.add(section.place((key,)), f"'{label}' must be one word", f"write {key}: one of {names}")
    elif word not in choices:
        findings.add(section.place((key,)), f"'{label}' is unknown: {word!r}", advise(word, choices, noun="choices"))
    else:
        return choices[word]
    return None


@dataclass(frozen=True, slots=True)
class _Located:
    """A pydantic error brought to its path in the document."""

    error: ErrorDetails
    path: tuple[Step, ...]
    shape: Shape
    value: object
    forks: tuple[tuple[int, str], ...]
    """Where unions chose on the way: the depth in ``path`` and the member's name."""
    is_key: bool = False


@dataclass(slots=True)
class _Teller:
    """Tells the errors of one validation."""

    section: Section
    findings: Findings
    references: References
    data: object
    shape: Shape
    elsewhere: tuple[str, ...]
    _told: set[tuple[Step, ...]] = field(default_factory=set[tuple[Step, ...]])

    def tell_truths(self) -> None:
        """Record true and false where numbers are wanted, which pydantic takes for 1 and 0."""
        for path, shape, value in _truths((), self.shape, self.data):
            if path not in self._told:
                kind = "int_type" if int in shape.kinds else "float_type"
                kinds = [known] if (known := expected(kind)) else []
                said = mismatch(self.section.label(path), kinds, value, path[-1], shape)
                self.findings.add(self.section.place(path), said.problem, said.mend)

    def tell(self, errors: list[ErrorDetails]) -> None:
        """Record a finding for each error; those of one union are told as one."""
        located = [self._locate(error) for error in errors]
        kept = [item for item in _without_lost_members(located) if not _was_told(item.value)]
        by_path: dict[tuple[Step, ...], list[_Located]] = {}
        for item in kept:
            if item.error["type"] == "missing":
                self._missing(item)
            elif item.error["type"] == "extra_forbidden":
                self._unknown(item)
            elif item.error["type"] in {"union_tag_not_found", "union_tag_invalid"}:
                self._tag(item)
            else:
                by_path.setdefault(item.path, []).append(item)
        for items in by_path.values():
            self._invalid(items)

    def _locate(self, error: ErrorDetails) -> _Located:
        location = error["loc"]
        named = error["type"] in {"missing", "extra_forbidden"}  # their last step is a key's name, not a way to go
        value, shape = self.data, self.shape
        path: list[Step] = []
        forks: list[tuple[int, str]] = []
        for step in location[: len(location) - named]:
            inner = _inside(value, step)
            if inner is _NOTHING:
                forks.append((len(path), str(step)))
                shape = shape.narrowed(str(step))
            else:
                path.append(step)
                value, shape = inner, shape.step(step)
        if named:
            path.append(location[-1])
            value = None
        return _Located(error, tuple(path), shape, value, tuple(forks), is_key="[key]" in location)

    def _missing(self, item: _Located) -> None:
        key = item.path[-1]
        field = item.shape.step(key)
        example = field.example()
        mend = f"write {key}: {example}" if example is not None else f"add {key}: …"
        where = self.section.label(item.path[:-1])
        problem = f"the key '{key}' is missing" + (f" in '{where}'" if where else "")
        self.findings.add(self.section.place(item.path[:-1], key=True), problem, mend)

    def _unknown(self, item: _Located) -> None:
        key = str(item.path[-1])
        where = self.section.label(item.path[:-1])
        valid = [*item.shape.keys(), *(self.elsewhere if len(item.path) == 1 else ())]
        given = _keys(item.path[:-1], self.data)
        near = nearest(key, [name for name in valid if name not in given])
        mend = f"did you mean '{near}'?" if near else f"valid keys: {', '.join(valid)}"
        problem = f"unknown key '{key}'" + (f" in '{where}'" if where else "")
        self.findings.add(self.section.place(item.path, key=True), problem, mend)

    def _tag(self, item: _Located) -> None:
        context = item.error.get("ctx", {})
        key = str(context.get("discriminator", "")).strip("'")
        choices = [field for model in item.shape.models for field in Shape.of(model).step(key).choices()]
        path = (*item.path, key)
        word = _inside(item.value, key)
        label = self.section.label(path)
        if word is _NOTHING or word is None:
            place = self.section.place(item.path, key=True)
            self.findings.add(place, f"'{label}' is missing", f"write {key}: one of {', '.join(choices)}")
            return
        mend = advise(word, choices, noun="choices") if isinstance(word, str) else f"one of {', '.join(choices)}"
        self.findings.add(self.section.place(path), f"'{label}' must be one of {', '.join(choices)}", mend)

    def _invalid(self, items: list[_Located]) -> None:
        first = items[0]
        self._told.add(first.path)
        label = self.section.label(first.path)
        last = (self.section.path + first.path)[-1] if self.section.path + first.path else None
        kinds = [known for item in items if (known := _kind(item))]
        if len(items) > 1 and len(kinds) == len(items):
            said = mismatch(label, kinds, first.value, last, first.shape)
        else:
            said = say(items[0].error, label, last, first.shape, first.value)
            for other in items[1:]:
                more = say(other.error, label, last, other.shape, other.value)
                said = Said(f"{said.problem}; or {more.problem}", said.mend or more.mend) if more != said else said
        problem = self.references.scrub(said.problem, first.value)
        mend = self.references.scrub(said.mend, first.value)
        whole = first.error["type"] in {"value_error", "assertion_error"} and isinstance(first.value, dict)
        self.findings.add(self.section.place(first.path, key=first.is_key or whole), problem, mend)


def _kind(item: _Located) -> tuple[str, str] | None:
    """Give what an error of one member of a union expects, and an example."""
    choices = item.shape.choices()
    if item.error["type"] in {"literal_error", "enum"} and choices:
        return " or ".join(f"'{choice}'" for choice in choices), choices[0]
    return expected(item.error["type"])


def _truths(path: tuple[Step, ...], shape: Shape, value: object) -> Iterator[tuple[tuple[Step, ...], Shape, object]]:
    """Give the places of true and false where the settings have a number."""
    if isinstance(value, dict):
        for key, member in cast("dict[str, object]", value).items():
            yield from _truths((*path, key), shape.step(key), member)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _truths((*path, index), shape.step(index), item)
    elif isinstance(value, bool) and {int, float} & set(shape.kinds) and bool not in shape.kinds:
        yield path, shape, value


_NOTHING = object()


def _inside(value: object, step: Step) -> object:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).get(str(step), _NOTHING)
    if isinstance(value, list) and isinstance(step, int):
        items = cast("list[object]", value)
        return items[step] if 0 <= step < len(items) else _NOTHING
    return _NOTHING


def _keys(path: tuple[Step, ...], data: object) -> set[str]:
    for step in path:
        data = _inside(data, step)
    return set(cast("dict[str, Any]", data)) if isinstance(data, dict) else set()


def _was_told(value: object) -> bool:
    """Tell whether the value's reference failed, which has its finding already."""
    return isinstance(value, Resolved) and value.missing


def _without_lost_members(items: list[_Located]) -> list[_Located]:
    """Of a union's members keep the one most likely meant: the one that got furthest, with the fewest errors."""
    best: dict[tuple[Step, ...], tuple[int, int, str]] = {}
    groups: dict[tuple[tuple[Step, ...], str], list[_Located]] = {}
    for item in items:
        for depth, name in item.forks:
            groups.setdefault((item.path[:depth], name), []).append(item)
    for (path, name), members in groups.items():
        deepest = max(len(item.path) for item in members)
        rank = (0 if deepest > len(path) else 1, len(members), name)
        best[path] = min(best.get(path, rank), rank)
    return [
        item
        for item in items
        if all(best[item.path[:depth]][0] == 1 or best[item.path[:depth]][2] == name for depth, name in item.forks)
    ]
