"""SecurityGroups: rotation by a clock that the test moves, and what is on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.errors import SettingError, StoreCorrupt, StoreUnavailable
from core.settings import Secret
from core.time import TICKS_PER_SECOND
from server.pubsub.uadp.keys import FILE, GroupKeys, SecurityGroups, UnknownSecurityGroup
from server.pubsub.uadp.settings import UadpSecuritySettings

HOUR = 3600 * TICKS_PER_SECOND


class Moment:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ticks = 133_000_000_000_000_000

    def now(self) -> int:
        return self.ticks

    def monotonic(self) -> float:
        return self.ticks / TICKS_PER_SECOND


def group_settings(**given: object) -> UadpSecuritySettings:
    return UadpSecuritySettings.model_validate({"group": "line", **given})


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def groups(tmp_path: Path, clock: Moment) -> SecurityGroups:
    made = SecurityGroups(tmp_path, clock)
    made.load()
    made.ensure(group_settings())
    return made


def _again(tmp_path: Path, clock: Moment) -> SecurityGroups:
    made = SecurityGroups(tmp_path, clock)
    made.load()
    made.tend()
    return made


def test_keys_rotate_by_their_lifetime_and_the_future_ones_come_next(groups: SecurityGroups, clock: Moment) -> None:
    asked = groups.security_keys("line", 0, 10)
    assert (asked.first_token, len(asked.keys)) == (1, 3)
    assert asked.policy_uri == "http://opcfoundation.org/UA/SecurityPolicy#PubSub-Aes256-CTR"
    assert (asked.time_to_next_key, asked.key_lifetime) == (3_600_000, 3_600_000)
    clock.ticks += HOUR // 4
    assert groups.tend() == []
    assert groups.security_keys("line", 0, 0).time_to_next_key == 2_700_000
    assert len(groups.security_keys("line", 0, 0).keys) == 1
    clock.ticks += HOUR
    assert groups.tend() == ["line"]
    later = groups.security_keys("line", 0, 10)
    assert (later.first_token, later.keys[:2]) == (2, asked.keys[1:])
    assert groups.security_keys("line", 1, 2).keys == asked.keys[:2]
    assert groups.security_keys("line", 99, 1).first_token == 2
    for _ in range(3):
        clock.ticks += HOUR
        groups.tend()
    assert groups.find("line", 2) is None
    assert groups.find("line", 3) is not None
    assert groups.find("line", 7) is not None
    assert groups.find("line", 8) is None


def test_message_numbers_begin_anew_with_each_key_and_never_come_twice(
    groups: SecurityGroups, clock: Moment, tmp_path: Path
) -> None:
    keys = GroupKeys(groups, "line")
    first, number = keys.take()
    assert (first.token, number, keys.take()[1]) == (1, 1, 2)
    found = keys.find(1)
    assert found is not None
    assert found.data == first.data
    again = GroupKeys(_again(tmp_path, clock), "line")
    same, number = again.take()
    assert same == first
    assert number > 1_000_000  # what the killed run may have used
    clock.ticks += HOUR
    assert again.groups.tend() == ["line"]
    assert again.take()[1] == 1


def test_the_file_is_its_owners_alone_and_survives(groups: SecurityGroups, clock: Moment, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert _again(tmp_path, clock).security_keys("line", 0, 9) == groups.security_keys("line", 0, 9)
    other = _again(tmp_path, clock)
    other.ensure(group_settings())
    assert other.security_keys("line", 0, 9) == groups.security_keys("line", 0, 9)


def test_another_policy_makes_other_keys(groups: SecurityGroups) -> None:
    groups.ensure(group_settings(policy="PubSub-Aes128-CTR"))
    asked = groups.security_keys("line", 0, 9)
    assert (asked.first_token, {len(key) for key in asked.keys}) == (4, {52})


def test_given_keys_stay_what_they_are(groups: SecurityGroups, clock: Moment, tmp_path: Path) -> None:
    data = bytes(range(68))
    groups.ensure(group_settings(group="fixed", keys=Secret(data.hex() + "\n")))
    assert groups.security_keys("fixed", 0, 9).keys == (data,)
    clock.ticks += 10 * HOUR
    assert groups.tend() == ["line"]
    keys, _ = groups.take("fixed")
    assert (keys.token, keys.data) == (1, data)
    with pytest.raises(SettingError, match="are given in the settings"):
        groups.renew("fixed")
    with pytest.raises(SettingError, match="takes 68 bytes of keys"):
        groups.ensure(group_settings(group="fixed", keys=Secret("c2hvcnQ=")))
    assert _again(tmp_path, clock).take("fixed")[1] > 1_000_000


def test_keys_are_renewed_and_revoked(groups: SecurityGroups) -> None:
    before = groups.security_keys("line", 0, 9)
    groups.renew("line")
    assert groups.security_keys("line", 0, 1).keys == before.keys[1:2]
    groups.renew("line", revoke=True)
    after = groups.security_keys("line", 0, 9)
    assert after.first_token == 5
    assert not set(after.keys) & set(before.keys)
    assert groups.find("line", 2) is None
    groups.remove("line")
    assert groups.names() == []
    for call in (
        lambda: groups.take("line"),
        lambda: groups.remove("line"),
        lambda: groups.security_keys("line", 0, 1),
    ):
        with pytest.raises(UnknownSecurityGroup, match="no SecurityGroup 'line'"):
            call()


def test_a_clock_set_back_does_not_lengthen_a_keys_life(groups: SecurityGroups, clock: Moment) -> None:
    clock.ticks -= 100 * HOUR
    assert groups.tend() == []
    clock.ticks += HOUR
    assert groups.tend() == ["line"]


def test_a_full_disk_changes_nothing(groups: SecurityGroups, clock: Moment, tmp_path: Path) -> None:
    before = groups.security_keys("line", 0, 9)
    (tmp_path / FILE).with_suffix(".new").mkdir()
    clock.ticks += 2 * HOUR
    with pytest.raises(StoreUnavailable):
        groups.tend()
    assert groups.security_keys("line", 0, 9).keys == before.keys
    (tmp_path / FILE).with_suffix(".new").rmdir()
    assert groups.tend() == ["line"]


def test_no_number_is_used_that_is_not_promised_on_disk(
    groups: SecurityGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.pubsub.uadp.keys._AHEAD", 4)
    groups.ensure(group_settings())
    assert [groups.take("line")[1] for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(StoreUnavailable, match="no message number left"):
        groups.take("line")
    groups.tend()
    assert groups.take("line")[1] == 5


_SHORT_KEY = (
    b'{"a": {"policy": "PubSub-Aes256-CTR", "lifetime": 1, "future": 1, "past": 1, "fixed": false, "first": 1, '
    b'"current": 1, "since": 0, "promised": 1, "keys": ["YQ=="]}}'
)


@pytest.mark.parametrize("text", [b"{", b'{"a": {}}', _SHORT_KEY])
def test_a_damaged_file_is_told_and_left_alone(text: bytes, tmp_path: Path, clock: Moment) -> None:
    (tmp_path / FILE).write_bytes(text)
    with pytest.raises(StoreCorrupt, match="cannot be read"):
        SecurityGroups(tmp_path, clock).load()
    assert (tmp_path / FILE).read_bytes() == text
