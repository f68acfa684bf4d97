"""Who may connect, and who gives way."""

from __future__ import annotations

import pytest

from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.admission import Admission, UnfinishedBytes


class Guest:
    def __init__(self, address: str, *, known: bool = False) -> None:
        self.address = address
        self.is_known = known
        self.turned_out = ""

    def turn_out(self, why: str) -> None:
        self.turned_out = why


def entered(admission: Admission, *addresses: str, known: bool = False) -> list[Guest]:
    guests = [Guest(one, known=known) for one in addresses]
    for one in guests:
        admission.enter(one)
    return guests


def test_threat_05_one_address_does_not_take_all_places() -> None:
    admission = Admission(100, 3)
    first, *others = entered(admission, "a", "a", "a")
    (other,) = entered(admission, "b")
    entered(admission, "a")
    assert "nobody has logged in" in first.turned_out
    assert not any(one.turned_out for one in (*others, other))
    admission.leave(first)
    assert len(admission) == 4


def test_threat_05_whoever_has_most_gives_way() -> None:
    admission = Admission(5, 5)
    (honest,) = entered(admission, "honest")
    flood = entered(admission, "flood", "flood", "flood", "flood")
    entered(admission, "another")
    assert flood[0].turned_out
    assert not honest.turned_out, "though it was there first"


def test_those_who_have_logged_in_stay() -> None:
    admission = Admission(3, 2)
    known = entered(admission, "a", "a", known=True)
    with pytest.raises(TransportError):
        admission.enter(Guest("a"))
    (stranger,) = entered(admission, "b")
    (more,) = entered(admission, "c")
    assert stranger.turned_out
    more.is_known = True
    with pytest.raises(TransportError):
        admission.enter(Guest("d"))
    assert not any(one.turned_out for one in known)
    for one in known:
        admission.leave(one)
        admission.leave(one)
    entered(admission, "d", "e")
    assert len(admission) == 3


def test_threat_09_strangers_take_a_part_of_the_unfinished_bytes_alone() -> None:
    budget = UnfinishedBytes(1000)
    budget.take(250, known=False)
    with pytest.raises(TransportError):
        budget.take(1, known=False)
    budget.take(750, known=True)
    with pytest.raises(TransportError):
        budget.take(1, known=True)
    budget.give(250, known=False)
    budget.take(200, known=False)
    assert budget.held == 950
