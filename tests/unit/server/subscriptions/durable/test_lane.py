"""A lane's rows, put together in the order of their keys, are what is queued; and little is written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.subscriptions.durable.lane import Budget, Chunk, Lane

PLENTY = 1 << 40


class _Disk:
    """A lane and its rows."""

    def __init__(self, largest: int = 3) -> None:
        self.lane = Lane(lambda _: 1, largest)
        self.rows: dict[int, list[object]] = {}
        self.written = 0

    def look(self, members: list[object], left: int = PLENTY) -> Budget:
        budget = Budget(left)
        gone, chunks = self.lane.look(tuple(members), budget)
        for key in gone:
            del self.rows[key]
        for chunk in chunks:
            self.rows[chunk.key] = list(chunk.members)
            self.written += len(chunk.members)
        return budget

    @property
    def kept(self) -> list[object]:
        return [member for key in sorted(self.rows) for member in self.rows[key]]


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 8)),
        st.tuples(st.just("drain"), st.integers(1, 12)),
        st.tuples(st.just("cut"), st.integers(0, 30)),
        st.tuples(st.just("replace"), st.integers(0, 30)),
        st.tuples(st.just("split"), st.integers(0, 30)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=60,
)


@given(_STEPS)
def test_rows_are_what_is_queued_whatever_happened_to_it(steps: list[tuple[str, int]]) -> None:
    disk = _Disk()
    members: list[object] = []
    for step, number in steps:
        if step == "append":
            members += [object() for _ in range(number)]
        elif step == "drain":
            del members[:number]
        elif step == "look":
            disk.look(members)
            assert disk.kept == members
        elif number < len(members):
            if step == "cut":
                del members[number]
            elif step == "replace":
                members[number] = object()
            else:
                members[number : number + 1] = [object(), object()]
    disk.look(members)
    assert disk.kept == members


def test_what_is_there_is_not_written_again() -> None:
    disk = _Disk()
    members: list[object] = []
    for _ in range(100):
        members += [object(), object(), object()]
        disk.look(members)
    assert disk.written == 300
    del members[:150]
    disk.look(members)
    assert disk.written == 300
    del members[:1]
    disk.look(members)
    assert disk.written == 302, "the rest of one row"


def test_the_newest_that_do_not_fit_wait_and_nothing_is_missing_in_between() -> None:
    disk = _Disk()
    members: list[object] = [object() for _ in range(9)]
    assert disk.look(members, left=6).refused == 1
    assert disk.kept == members[:6]
    members += [object()]
    assert disk.look(members, left=1).refused == 1, "the last one would fit, but not before those ahead of it"
    assert disk.kept == members[:6]
    del members[:1]
    assert disk.look(members, left=0).refused == 1, "what is left of a row takes its place"
    assert disk.kept == members[:5]
    disk.look(members, left=PLENTY)
    assert disk.kept == members


def test_the_bytes_of_all_rows_are_counted_by_what_they_took() -> None:
    disk = _Disk()
    _, chunks = disk.lane.look([object()] * 1 + [object()], Budget(PLENTY))
    assert disk.lane.bytes == 2
    (chunk,) = chunks
    assert isinstance(chunk, Chunk)
    chunk.size = 80
    assert disk.lane.bytes == 80
