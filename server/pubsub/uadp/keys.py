"""SecurityGroups: the keys of UADP message security, made, rotated and kept by the gateway (Part 14 v1.05 8.3 and 8.4).

It is the store behind the Security Key Service of our own server, and what publishers of this gateway take keys from.
"""

from __future__ import annotations

import base64
import os
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

from pydantic import TypeAdapter, ValidationError

from core.durable_files import settle_folder, write_private
from core.errors import PlantspaceError, SettingError, StoreCorrupt, StoreUnavailable
from core.time import TICKS_PER_SECOND, Clock
from server.pubsub.uadp.security import POLICY_URI, MessageKeys, Policy, key_length
from server.pubsub.uadp.settings import UadpSecuritySettings

FILE: Final = "pubsub-keys.json"
"""The file in the data folder."""
_AHEAD: Final = 1 << 20
"""Message numbers promised on disk at a time: a kill leaves out as many, and none comes twice with the same keys."""
_HIGHEST_NUMBER: Final = 0xFFFF_FFFF
_MILLISECONDS: Final = 1_000


class UnknownSecurityGroup(PlantspaceError):  # noqa: N818 - the name says what was asked for
    """There is no SecurityGroup of that name (Bad_NotFound)."""


@dataclass(slots=True)
class _Group:
    """One SecurityGroup as it is kept. ``keys``: base64, the oldest first; ``first``: the token of the first one.

    ``current``: the token in use; ``since``: ticks when it came into use; ``promised``: the first message number of it
    that is not promised yet; ``fixed``: the keys are given and never change.
    """

    policy: Policy
    lifetime: float
    future: int
    past: int
    fixed: bool
    first: int
    current: int
    since: int
    promised: int
    keys: list[str] = field(default_factory=list[str], repr=False)


_FORM: Final = TypeAdapter(dict[str, _Group])


@dataclass(frozen=True, slots=True)
class SecurityKeys:
    """What GetSecurityKeys answers (Part 14 v1.05 8.3.2); the times are milliseconds."""

    policy_uri: str
    first_token: int
    keys: tuple[bytes, ...] = field(repr=False)
    time_to_next_key: float
    key_lifetime: float


class SecurityGroups:
    """The SecurityGroups of this gateway; one owner of their file. May be used on any thread.

    :meth:`load`, :meth:`ensure`, :meth:`remove`, :meth:`renew` and :meth:`tend` write the file: they block.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Keep the file in ``folder``; nothing is read before :meth:`load`."""
        self._path = folder / FILE
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: dict[str, _Group] = {}
        self._next: dict[str, int] = {}

    def load(self) -> None:
        """Read the file, if there is one.

        Raises :class:`~core.errors.StoreCorrupt` for a damaged one, which is never begun anew by itself: numbers of
        messages would come twice.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            message = f"{self._path}: {error.strerror}"
            raise StoreUnavailable(message) from error
        try:
            groups = _FORM.validate_json(text)
            for group in groups.values():
                _check(group)
        except (ValidationError, ValueError) as error:
            raise StoreCorrupt(self._path, "the SecurityGroups cannot be read") from error
        with self._lock:
            self._groups = groups
            self._next = {name: group.promised for name, group in groups.items()}

    def ensure(self, settings: UadpSecuritySettings) -> None:
        """Have a SecurityGroup as the settings say; its keys stay unless the policy is another, or others are given.

        Raises:
            SettingError: The keys that are given are not what the policy takes.
            StoreUnavailable: The file cannot be written.
        """
        given = None if settings.keys is None else [_given(settings.keys.reveal(), settings.policy)]
        with self._changing():
            group = self._groups.get(settings.group)
            if group is None or group.policy != settings.policy or (given or []) != (group.keys if group.fixed else []):
                last = 0 if group is None else group.first + len(group.keys) - 1
                token = 1 if given is not None else last + 1
                group = self._groups[settings.group] = _Group(
                    settings.policy,
                    settings.key_lifetime,
                    settings.future_keys,
                    settings.past_keys,
                    given is not None,
                    token,
                    token,
                    self._clock.now(),
                    1,
                    given or [_new(settings.policy)],
                )
                self._next[settings.group] = 1
            group.lifetime = settings.key_lifetime
            group.future, group.past = settings.future_keys, settings.past_keys
            self._fill(group)
            group.promised = min(self._next[settings.group] + _AHEAD, _HIGHEST_NUMBER)

    def remove(self, name: str) -> None:
        """Forget a SecurityGroup with its keys. Raises :class:`UnknownSecurityGroup`."""
        with self._changing():
            self._group(name)
            del self._groups[name], self._next[name]

    def names(self) -> list[str]:
        """Name the SecurityGroups."""
        with self._lock:
            return list(self._groups)

    def renew(self, name: str, *, revoke: bool = False) -> None:
        """Go to the next key now; ``revoke``: and let all that were handed out be void (Part 14 v1.05 8.4.2 and 8.4.3).

        Raises :class:`UnknownSecurityGroup`, and :class:`~core.errors.SettingError` for keys that were given.
        """
        with self._changing():
            group = self._group(name)
            if group.fixed:
                problem = f"the keys of {name} are given in the settings"
                raise SettingError(problem, "change them there")
            if revoke:
                group.first = group.first + len(group.keys)
                group.keys = [_new(group.policy)]
                self._begin(name, group, group.first)
            else:
                self._begin(name, group, group.current + 1)

    def tend(self) -> list[str]:
        """Rotate what is due and promise more message numbers; name the groups that go on with another key.

        It is called each second, and once after :meth:`load`. Raises :class:`~core.errors.StoreUnavailable`: then the
        keys in use stay, and the next call tries again.
        """
        rotated: list[str] = []
        with self._lock:
            moment = self._clock.now()
            if not any(self._wants(name, group, moment) for name, group in self._groups.items()):
                return rotated
        with self._changing():
            for name, group in self._groups.items():
                # A clock that was set back must not make a key live for years.
                group.since = min(group.since, moment)
                if self._is_due(name, group, moment):
                    self._begin(name, group, group.current + 1)
                    rotated.append(name)
                else:
                    group.promised = min(self._next[name] + _AHEAD, _HIGHEST_NUMBER)
        return rotated

    def security_keys(self, name: str, starting_token: int, count: int) -> SecurityKeys:
        """Answer GetSecurityKeys. A token that is not kept, and 0, stand for the one in use.

        Raises :class:`UnknownSecurityGroup`.
        """
        with self._lock:
            group = self._group(name)
            last = group.first + len(group.keys) - 1
            begin = starting_token if group.first <= starting_token <= last else group.current
            chosen = group.keys[begin - group.first :][: max(count, 1)]
            left = group.lifetime - (self._clock.now() - group.since) / TICKS_PER_SECOND
            return SecurityKeys(
                POLICY_URI + group.policy,
                begin,
                tuple(base64.b64decode(key) for key in chosen),
                min(max(left, 0.0), group.lifetime) * _MILLISECONDS,
                group.lifetime * _MILLISECONDS,
            )

    def find(self, name: str, token: int) -> MessageKeys | None:
        """Give the keys of a token; None where they are not kept."""
        with self._lock:
            group = self._groups.get(name)
            if group is None or not group.first <= token < group.first + len(group.keys):
                return None
            return _keys(group, token)

    def take(self, name: str) -> tuple[MessageKeys, int]:
        """Give the keys in use, and a number that no message with them has had or will have.

        Raises :class:`UnknownSecurityGroup`, and :class:`~core.errors.StoreUnavailable` while no number is promised.
        """
        with self._lock:
            group = self._group(name)
            number = self._next[name]
            if number >= group.promised:
                message = f"the SecurityGroup {name} has no message number left that is promised on disk"
                raise StoreUnavailable(message)
            self._next[name] = number + 1
            return _keys(group, group.current), number

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Change the groups and save them, or let all be as it was."""
        with self._lock:
            groups, following = deepcopy(self._groups), dict(self._next)
            try:
                yield
                self._save()
            except BaseException:
                self._groups, self._next = groups, following
                raise

    def _is_due(self, name: str, group: _Group, moment: int) -> bool:
        aged = moment - group.since >= group.lifetime * TICKS_PER_SECOND
        return not group.fixed and (aged or self._next[name] > _HIGHEST_NUMBER - _AHEAD)

    def _wants(self, name: str, group: _Group, moment: int) -> bool:
        scarce = group.promised - self._next[name] < _AHEAD // 2 and group.promised < _HIGHEST_NUMBER
        return scarce or group.since > moment or self._is_due(name, group, moment)

    def _group(self, name: str) -> _Group:
        group = self._groups.get(name)
        if group is None:
            message = f"there is no SecurityGroup {name!r}"
            raise UnknownSecurityGroup(message)
        return group

    def _begin(self, name: str, group: _Group, token: int) -> None:
        group.current = token
        group.since = self._clock.now()
        self._fill(group)
        # Sequence numbers begin anew with each key (Part 14 v1.05 Table 139).
        self._next[name] = 1
        group.promised = 1 + _AHEAD

    def _fill(self, group: _Group) -> None:
        """Have as many future keys as there shall be, and no more past ones."""
        if group.fixed:
            return
        while group.first + len(group.keys) <= group.current + group.future:
            group.keys.append(_new(group.policy))
        surplus = group.current - group.past - group.first
        if surplus > 0:
            del group.keys[:surplus]
            group.first += surplus

    def _save(self) -> None:
        text = _FORM.dump_json(self._groups)
        fresh = self._path.with_suffix(".new")
        try:
            write_private(fresh, text)
            os.replace(fresh, self._path)  # noqa: PTH105 - what Path.replace does
            settle_folder(self._path.parent)
        except OSError as error:
            message = f"{self._path}: {error.strerror}"
            raise StoreUnavailable(message) from error


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """The keys of one SecurityGroup, for who secures and for who reads: SendingKeys and ReceivingKeys."""

    groups: SecurityGroups
    name: str

    def take(self) -> tuple[MessageKeys, int]:
        """Give the keys in use and a message number; see :meth:`SecurityGroups.take`."""
        return self.groups.take(self.name)

    def find(self, token: int) -> MessageKeys | None:
        """Give the keys of a token."""
        return self.groups.find(self.name, token)


def _keys(group: _Group, token: int) -> MessageKeys:
    return MessageKeys(token, group.policy, base64.b64decode(group.keys[token - group.first]))


def _new(policy: Policy) -> str:
    return base64.b64encode(secrets.token_bytes(key_length(policy))).decode()


def _given(text: str, policy: Policy) -> str:
    """Read given keys, in hex or base64; give them as base64."""
    text, length = text.strip(), key_length(policy)
    try:
        data = bytes.fromhex(text) if len(text) == 2 * length else base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if len(data) != length:
        problem = f"{policy} takes {length} bytes of keys, in base64 or hex"
        raise SettingError(problem, "signing key, encrypting key and nonce, one after the other")
    return base64.b64encode(data).decode()


def _check(group: _Group) -> None:
    """Raise :class:`ValueError` for a group that does not make sense."""
    lengths = {len(base64.b64decode(key, validate=True)) for key in group.keys}
    in_use = group.first <= group.current < group.first + len(group.keys)
    if group.policy not in get_args(Policy) or lengths != {key_length(group.policy)} or not in_use or group.first < 1:
        message = "a SecurityGroup does not make sense"
        raise ValueError(message)
