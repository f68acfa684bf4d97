"""Finds what a person most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Give the choice nearest to ``word``, looking past case, ``-`` and ``_``; None where nothing is near."""
    by_form: dict[str, str] = {}
    for choice in choices:
        by_form.setdefault(_form(choice), choice)
    found = difflib.get_close_matches(_form(word), by_form, n=1, cutoff=0.6)
    return by_form[found[0]] if found else None


def advise(word: str, choices: Iterable[str], *, noun: str) -> str:
    """Write the mend for an unknown word: the nearest choice, or all of them."""
    known = list(choices)
    if near := nearest(word, known):
        return f"did you mean '{near}'?"
    return f"{noun}: {', '.join(known)}" if known else f"there are no {noun} here"


def _form(word: str) -> str:
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")
