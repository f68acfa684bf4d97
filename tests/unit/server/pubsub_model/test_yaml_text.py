"""YAML that means what was written."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Findings
from core.settings import Document
from server.pubsub_model.yaml_text import yaml_text
from tests.thorough import examples

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SCALARS = st.one_of(
    TEXTS, st.integers(-(2**53), 2**53), st.booleans(), st.none(), st.sampled_from(["500ms", "1", "no"])
)
KEYS = TEXTS.filter(bool)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=examples(60, 2_000), deadline=None)
@given(st.dictionaries(KEYS, PLAIN, min_size=1, max_size=3))
def test_it_is_read_back_as_it_was(data: dict[str, object]) -> None:
    findings = Findings()
    document = Document.parse(Path("pubsub.yaml"), yaml_text(data), findings)  # pyright: ignore[reportArgumentType] - plain
    assert not findings
    assert document is not None
    assert document.data == data


def test_people_can_read_it() -> None:
    written = yaml_text({"connections": {"cloud": {"broker": "mqtt://a:1", "groups": {"fast": {"publish": "500ms"}}}}})
    assert written == (
        'connections:\n  cloud:\n    broker: "mqtt://a:1"\n    groups:\n      fast:\n        publish: 500ms\n'
    )
