from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.pubsub.cloud.twin.patch import difference, patched
from tests.thorough import examples

_LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2) | st.lists(st.integers(0, 2), max_size=2)
_MEMBERS = st.sampled_from(["a", "b", "c"])
_DOCUMENTS = st.dictionaries(
    _MEMBERS, st.recursive(_LEAVES.filter(lambda one: one is not None), lambda inner: st.dictionaries(_MEMBERS, inner))
)


@settings(max_examples=examples(40, 2_000))
@given(_DOCUMENTS, _DOCUMENTS)
def test_a_patch_makes_one_document_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = difference(before, after)
    made = patched(before, patch)
    assert difference(made, after) == {}
    assert bool(patch) or difference(before, after) == {}


def test_true_is_not_one() -> None:
    assert difference({"a": 1}, {"a": True}) == {"a": True}
    assert difference({"a": 1}, {"a": 1.0}) == {}


def test_what_is_gone_is_null() -> None:
    assert difference({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"c": 1}}) == {"a": None, "b": {"d": None}}
