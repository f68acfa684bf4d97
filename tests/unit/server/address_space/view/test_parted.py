from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.address_space.view.parted import PartedIndex, PartedSet

keys = st.integers(0, 200) | st.tuples(st.integers(0, 3), st.text(max_size=2))


@given(st.lists(keys))
def test_a_parted_set_is_a_set(given_keys: list[object]) -> None:
    parted: PartedSet[object] = PartedSet()
    plain: set[object] = set()
    for key in given_keys:
        assert parted.put(key) is (key not in plain)
        plain.add(key)
    assert len(parted) == len(plain)
    assert all(key in parted for key in plain)
    assert "another" not in parted


@given(st.lists(st.tuples(st.integers(0, 20), st.tuples(st.integers(0, 3), st.integers()))))
def test_a_parted_index_finds_all_in_their_order(pairs: list[tuple[int, tuple[int, int]]]) -> None:
    parted: PartedIndex[int, tuple[int, int]] = PartedIndex()
    for key, thing in pairs:
        parted.put(key, thing)
    for key in range(21):
        assert parted.find(key) == [thing for other, thing in pairs if other == key]
