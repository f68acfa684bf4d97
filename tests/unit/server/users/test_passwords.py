from __future__ import annotations

import time

import pytest

from server.users.errors import UserRefused
from server.users.passwords import MEMORY_KIB, PASSES, PasswordRules, Passwords, one_time_password

CHEAP = {"memory_kib": 64, "passes": 1}


def test_what_was_hashed_is_verified_and_nothing_else() -> None:
    passwords = Passwords(**CHEAP)
    kept = passwords.hash("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert passwords.verify(kept, b"correct horse battery")
    assert not passwords.verify(kept, b"correct horse battery ")
    assert not passwords.verify(None, b"correct horse battery")
    assert not passwords.verify("no hash at all", b"correct horse battery")


def test_two_spellings_of_a_letter_are_one_password() -> None:
    passwords = Passwords(**CHEAP)
    assert passwords.verify(passwords.hash("schön ist anders"), "scho\u0308n ist anders".encode())


@pytest.mark.parametrize("password", [b"\xff\xfe", b"x" * 5000, b""], ids=["not UTF-8", "too long", "empty"])
def test_threat_12_what_cannot_be_right_costs_what_a_wrong_one_costs(password: bytes) -> None:
    passwords = Passwords(**CHEAP)
    kept = passwords.hash("")  # nobody's password, but what unreadable ones are looked at as
    assert passwords.verify(kept, password) == (password == b"")
    assert passwords.computed == 1


def test_threat_12_nobodys_hash_has_the_price_of_everybodys() -> None:
    passwords = Passwords(**CHEAP)
    assert not passwords.is_outdated(passwords._nobodys)
    assert len(passwords._nobodys) == len(passwords.hash("correct horse battery"))


def test_another_price_outdates_a_hash() -> None:
    kept = Passwords(**CHEAP).hash("correct horse battery")
    assert Passwords(memory_kib=128, passes=1).is_outdated(kept)
    assert not Passwords(**CHEAP).is_outdated(kept)
    assert Passwords(memory_kib=128, passes=1).verify(kept, b"correct horse battery")


def test_a_verification_takes_50_to_200_ms_of_a_core() -> None:
    passwords = Passwords()
    taken: list[float] = []
    while min(taken, default=1.0) >= 0.4 and len(taken) < 10:  # others want the memory, too
        began = time.thread_time()
        passwords.verify(None, b"correct horse battery")
        taken.append(time.thread_time() - began)
    assert 0.02 < min(taken) < 0.4, "generous to both sides: machines differ"
    assert MEMORY_KIB * PASSES >= 47_104, "what OWASP asks at least"


@pytest.mark.parametrize(
    "password", ["short", "aaaaaaaaaaaaaaaa", "Operator-Ann-Example", "x" * 257], ids=["short", "one", "name", "long"]
)
def test_easy_passwords_are_refused_and_not_shown(password: str) -> None:
    with pytest.raises(UserRefused) as refused:
        PasswordRules().check(password, "ann")
    assert password not in str(refused.value)


def test_one_time_passwords_are_good_ones() -> None:
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        PasswordRules().check(password, "admin")
