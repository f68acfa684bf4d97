"""A message's bytes passed over one value after the other, within what one message may have (Part 6 v1.05 5.2)."""

from __future__ import annotations

from collections.abc import Callable

from server.address_space.decoding import Cursor, DecodingError, EncodingLimitsError
from server.address_space.extents import DEEPEST, MOST_VALUES, too_deep, too_short
from server.address_space.keys import NodeKey

MOST_NUMBERS = 1_000_000
"""Elements of all arrays of numbers in one message: asyncua makes some forty bytes of each."""
_NULL = -1
_GUID = 16
_HAS_URI, _HAS_SERVER = 0x80, 0x40
"""Bits of an ExpandedNodeId's form (Part 6 v1.05 5.2.2.10)."""
_FIXED_FORMS = {0: 1, 1: 3, 2: 6, 4: 2 + _GUID}
"""Bytes that follow the form of a NodeId, for those that are always equally long."""


class Walk(Cursor):
    """Where a walk has come to, how deep it is, and what it may still meet.

    Every method raises :class:`DecodingError`; :class:`EncodingLimitsError` for what would be too much.
    """

    def __init__(self, data: bytes, at: int, structures: Structures, most: int = MOST_VALUES) -> None:
        """Begin at ``at``; ``most``: values that are no elements of an array of numbers."""
        super().__init__(data, at, most)
        self.structures = structures
        self._numbers = MOST_NUMBERS
        self._depth = 0

    def skip(self, size: int) -> None:
        """Pass over so many bytes."""
        at = self.at + size
        if at > len(self.data):
            raise too_short()
        self.at = at

    def enter(self) -> None:
        """Go a level down: into a Variant, a DataValue, a DiagnosticInfo or an ExtensionObject."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise too_deep()
        self.spend(1)

    def leave(self) -> None:
        """Come up again."""
        self._depth -= 1

    def length(self, least: int) -> int:
        """Read the length of an array, a String or a ByteString, None of them as -1.

        ``least``: bytes that an element has at least. No other length is below 0: asyncua would go backwards by it.
        """
        length = self.int32()
        if length < _NULL:
            message = f"{length} is no length"
            raise DecodingError(message)
        if length * least > len(self.data) - self.at:
            raise too_short()
        return length

    def bytes(self) -> bytes:
        """Read the bytes of an identifier, which has to be there."""
        length = self.length(1)
        if length == _NULL:
            message = "a NodeId has no identifier"
            raise DecodingError(message)
        return self.take(length)

    def numbers(self, size: int) -> int:
        """Pass over an array of numbers of so many bytes each; give its length, -1 for the null one."""
        length = self.length(size)
        if length > 0:
            self._numbers -= length
            if self._numbers < 0:
                message = f"there are more than {MOST_NUMBERS} numbers in one message"
                raise EncodingLimitsError(message)
            self.skip(length * size)
        return length

    def opaque(self) -> bool:
        """Pass over a ByteString; tell whether it is one, and not null."""
        length = self.length(1)
        self.skip(max(length, 0))
        return length != _NULL

    def text(self) -> bool:
        """Pass over a String, which is UTF-8 (threat 24); tell whether it is one, and not null."""
        length = self.length(1)
        if length > 0:
            text = self.take(length)
            try:
                text.decode()
            except UnicodeDecodeError:
                message = "a String is not UTF-8"
                raise DecodingError(message) from None
        return length != _NULL

    def pass_node_id(self) -> None:
        """Pass over a NodeId."""
        self._identifier(self.byte())

    def pass_expanded_node_id(self) -> None:
        """Pass over an ExpandedNodeId."""
        form = self.byte()
        self._identifier(form & ~(_HAS_URI | _HAS_SERVER))
        if form & _HAS_URI:
            self.text()
        if form & _HAS_SERVER:
            self.skip(4)

    def _identifier(self, form: int) -> None:
        fixed = _FIXED_FORMS.get(form)
        if fixed is not None:
            self.skip(fixed)
            return
        self.skip(2)
        known = {3: self.text, 5: self.opaque}.get(form)
        if known is None:
            message = f"0x{form:02X} is no form of a NodeId"
            raise DecodingError(message)
        if not known():
            message = "a NodeId has no identifier"
            raise DecodingError(message)


Structures = Callable[[NodeKey], Callable[[Walk], None] | None]
"""Gives what passes over the structure that a NodeId is the binary encoding of; None for one that nobody decodes."""
