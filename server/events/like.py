"""Patterns of the Like operator (Part 4 v1.05 7.7.3, Table 124), matched without going back.

All positions of the pattern that the text can have reached are the bits of one number, which moves on with each
character. So the cost is the text's length, whatever the pattern is.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_PATTERN = 256
"""Characters of a pattern."""
MAX_TEXT = 1024
"""Characters of a text that is matched; a longer one does not match."""


class PatternError(ValueError):
    """A pattern is too long, or ends within a list or after the escape character."""


class Like:
    """A pattern, ready to match."""

    def __init__(self, pattern: str) -> None:
        """Read ``pattern``. Raises :class:`PatternError`."""
        if len(pattern) > MAX_PATTERN:
            message = f"the pattern has {len(pattern)} characters; {MAX_PATTERN} are allowed"
            raise PatternError(message)
        self._singles: list[Callable[[str], bool]] = []
        self._loops = 0
        self._masks: dict[str, int] = {}
        self._read(pattern)
        self._end = 1 << len(self._singles)

    def matches(self, text: str) -> bool:
        """Tell whether the whole text matches; letters count as they are written."""
        if len(text) > MAX_TEXT:
            return False
        reached = 1
        for character in text:
            mask = self._masks.get(character)
            if mask is None:
                mask = self._mask(character)
            reached = (reached & mask) << 1 | reached & self._loops
            if not reached:
                return False
        return bool(reached & self._end)

    def _mask(self, character: str) -> int:
        """Give the positions that the character leads on from; few different ones are remembered."""
        mask = sum(1 << at for at, accepts in enumerate(self._singles) if accepts(character))
        if len(self._masks) < MAX_PATTERN:
            self._masks[character] = mask
        return mask

    def _read(self, pattern: str) -> None:
        at = 0
        while at < len(pattern):
            character = pattern[at]
            at += 1
            if character == "%":
                self._loops |= 1 << len(self._singles)
            elif character == "_":
                self._singles.append(_anything)
            elif character == "[":
                accepts, at = _list(pattern, at)
                self._singles.append(accepts)
            else:
                if character == "\\":
                    character, at = _escaped(pattern, at)
                self._singles.append(character.__eq__)


def _anything(_character: str) -> bool:
    return True


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern):
        message = "the pattern ends after its escape character"
        raise PatternError(message)
    return pattern[at], at + 1


def _list(pattern: str, at: int) -> tuple[Callable[[str], bool], int]:
    """Read a list such as ``[abc]``, ``[1-5]`` or ``[^xyz]`` from behind its opening bracket."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while not pattern.startswith("]", at):
        first, at = _member(pattern, at)
        last = first
        if pattern.startswith("-", at) and not pattern.startswith("-]", at):
            last, at = _member(pattern, at + 1)
        ranges.append((first, last))

    def accepts(character: str) -> bool:
        return any(first <= character <= last for first, last in ranges) != negated

    return accepts, at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern):
        message = "a list in the pattern has no end"
        raise PatternError(message)
    return _escaped(pattern, at + 1) if pattern[at] == "\\" else (pattern[at], at + 1)
