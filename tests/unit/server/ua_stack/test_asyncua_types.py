"""asyncua's types with methods that are made when they are called: they are and do what they are and do otherwise."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from server.ua_stack.asyncua_types import METHODS, load_types, made_when_called
from tests.conftest import ROOT

TELL_TYPES = """
import dataclasses, inspect, re
if {later}:
    from server.ua_stack.asyncua_types import load_types
    load_types()
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
for name, cls in sorted(vars(ua).items()):
    if not dataclasses.is_dataclass(cls):
        continue
    try:
        made, again = cls(), cls()
    except Exception as refused:
        print(name, "refused", refused)
        continue
    shown = re.sub("datetime.datetime[(][^)]*[)]+", "now", re.sub(" at 0x[0-9a-f]+", "", repr(made)))
    print(name, shown, shown != repr(made) or made == again, made == 3)
    print(re.sub(" at 0x[0-9a-f]+", "", str(inspect.signature(cls.__init__))), cls.__init__.__qualname__)
    print([base.__name__ for base in cls.__mro__], cls.__hash__ is None, cls.__match_args__, sorted(vars(cls)))
    try:
        print(shown != repr(made) or struct_to_binary(made))
    except Exception as unencodable:
        print(type(unencodable))
"""


@made_when_called(slots=True)
class _Made:
    """Of all kinds of fields."""

    Number: int
    Fixed: int = field(default=7, init=False)
    Hidden: int = field(default=0, repr=False, init=False, compare=False)
    Name: str | None = None
    Many: list[int] = field(default_factory=list[int])

    kind = "constant"

    def twice(self) -> int:
        return 2 * self.Number


@made_when_called(slots=True)
class _Extended(_Made):
    More: float = 1.5


class _Derived(_Extended):
    pass


@dataclass(slots=True)
class _Plain:
    Number: int
    Fixed: int = field(default=7, init=False)
    Hidden: int = field(default=0, repr=False, init=False, compare=False)
    Name: str | None = None
    Many: list[int] = field(default_factory=list[int])


def test_it_is_what_a_dataclass_is() -> None:
    made: Any = _Made(3, Name="x")
    plain = _Plain(3, Name="x")
    assert repr(made) == repr(plain).replace("_Plain", "_Made")
    assert dataclasses.astuple(made) == dataclasses.astuple(plain) == (3, 7, 0, "x", [])
    assert made == _Made(3, "x")
    assert made != _Made(3, "y")
    assert (made == plain) is False
    assert made.twice() == 6
    assert made.Many is not _Made(3).Many
    assert made.kind == "constant"
    assert dataclasses.replace(made, Number=4).Number == 4
    assert copy.deepcopy(made) == made
    with pytest.raises(TypeError):
        hash(made)
    with pytest.raises(TypeError):
        _Made()
    with pytest.raises(AttributeError):
        made.Other = 1


@pytest.mark.parametrize("kind", [_Extended, _Derived])
def test_heirs_are_made_too(kind: Any) -> None:
    made = kind(1, More=2.0)
    assert (made.Number, made.More, made.Many) == (1, 2.0, [])
    assert made == kind(1, More=2.0)
    assert repr(made).startswith(kind.__name__)
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own


def test_methods_are_compiled_at_the_first_call_of_one_of_them() -> None:
    @made_when_called(slots=True)
    class Asked:
        Number: int = 0

    stand_ins = [vars(Asked)[name] for name in METHODS]
    Asked()
    assert not any(vars(Asked)[name] is stand_in for name, stand_in in zip(METHODS, stand_ins, strict=True))
    for stand_in in stand_ins[1:]:  # somebody else may still hold one
        stand_in(Asked(), *([Asked()] if stand_in is stand_ins[2] else []))


def test_what_has_a_method_of_its_own_or_other_options_is_made_at_once() -> None:
    @made_when_called(slots=True)
    class Own:
        Number: int = 0

        def __repr__(self) -> str:
            return "own"

    @made_when_called(slots=True)
    class Checked:
        Number: int = 0

        def __post_init__(self) -> None:
            self.Number += 1

    @made_when_called(frozen=True)
    class Frozen:
        Number: int = 0

    assert repr(Own()) == "own"
    assert Checked(1).Number == 2
    assert hash(Frozen()) == hash(Frozen())


def test_asyncuas_types_are_the_same_either_way() -> None:
    def told(*, later: bool) -> str:
        asked = TELL_TYPES.format(later=later)
        command = [sys.executable, "-c", asked]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout

    assert (text := told(later=True)) == told(later=False)
    assert len(text.splitlines()) > 1_000


def test_types_that_are_loaded_stay() -> None:
    from asyncua import ua  # noqa: PLC0415 - before it is asked for again

    before = ua.ReadRequest
    load_types()
    assert ua.ReadRequest is before
    assert dataclasses.dataclass is dataclass
