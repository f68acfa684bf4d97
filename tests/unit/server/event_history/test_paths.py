from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.address_space.node import BrowseName
from server.event_history.paths import path_from_text, path_to_text
from server.events.event import Path

URIS = ("http://opcfoundation.org/UA/", "urn:a;b=c/d&e\n", "urn:own")
names = st.builds(BrowseName, st.integers(0, 2), st.text(st.sampled_from("a&/;=\nnsu1é"), min_size=1, max_size=8))


def index_of(uri: str) -> int | None:
    return URIS.index(uri) if uri in URIS else None


@settings(max_examples=150)
@given(st.lists(names, min_size=1, max_size=4).map(tuple))
@example((BrowseName(0, "nsu=x;y"), BrowseName(1, "&")))
def test_paths_come_back_as_they_were(path: Path) -> None:
    text = path_to_text(path, URIS)
    assert "\n" not in text
    assert path_from_text(text, index_of) == path


def test_texts_are_as_the_page_says() -> None:
    assert path_to_text((BrowseName(0, "ActiveState"), BrowseName(0, "Id")), URIS) == "ActiveState/Id"
    assert path_to_text((BrowseName(2, "Oil/Water"),), URIS) == "nsu=urn:own;Oil&/Water"


def test_a_namespace_that_is_gone_is_no_path() -> None:
    assert path_from_text("nsu=urn:gone;Level", index_of) is None
    assert path_from_text("nsu=urn:own", index_of) is None
    assert path_from_text("", index_of) == ()
