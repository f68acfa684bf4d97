from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.users.lockout import Lockout, LockRule, source_key


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_threat_12_five_failures_lock_for_30_s_and_each_further_one_twice_as_long() -> None:
    clock = Clock()
    lockout = Lockout(clock=clock)
    assert [lockout.failed("ann") for _ in range(5)] == [False, False, False, False, True]
    expected = [30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    for seconds in expected:
        assert lockout.remaining("ann") == seconds
        clock.now += seconds
        assert lockout.remaining("ann") == 0.0
        assert lockout.failed("ann")
    assert lockout.locks == len(expected) + 1


def test_a_success_begins_anew() -> None:
    lockout = Lockout(clock=Clock())
    for _ in range(4):
        lockout.failed("ann")
    lockout.release("ann")
    assert [lockout.failed("ann") for _ in range(5)][-1]
    assert lockout.remaining("bob") == 0.0


def test_failures_are_forgotten_an_hour_after_the_lock() -> None:
    clock = Clock()
    lockout = Lockout(clock=clock)
    for _ in range(5):
        lockout.failed("ann")
    clock.now += 30.0 + 3600.0
    assert not lockout.failed("ann")


def test_what_is_remembered_is_bounded() -> None:
    lockout = Lockout(clock=Clock(), most=10)
    for number in range(1000):
        lockout.failed(str(number))
    assert len(lockout._trails) == 10
    assert lockout.forgotten == 990


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 2000.0))))
def test_threat_12_no_lock_is_for_ever(history: list[tuple[bool, float]]) -> None:
    clock = Clock()
    rule = LockRule()
    lockout = Lockout(rule, clock)
    for fails, seconds in history:
        clock.now += seconds
        if fails and not lockout.remaining("ann"):
            lockout.failed("ann")
        assert lockout.remaining("ann") <= rule.longest + 1e-6
    clock.now += rule.longest + 1e-6
    assert lockout.remaining("ann") == 0.0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_an_ipv6_host_is_its_network(address: str, key: str) -> None:
    assert source_key(address) == key
