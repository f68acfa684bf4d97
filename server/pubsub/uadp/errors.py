"""What can be wrong with a UADP message that somebody sent. Each is an answer; none changes anything."""

from __future__ import annotations

from core.errors import PlantspaceError


class UadpError(PlantspaceError):
    """A UADP message cannot be used."""


class MalformedMessage(UadpError):  # noqa: N818 - the name says what the message is
    """The bytes are not what Part 14 and Part 6 say they should be."""


class UnsupportedMessage(UadpError):  # noqa: N818 - as above
    """A version, a flag or a type that is reserved, or that nobody here understands."""


class MessageTooLarge(UadpError):  # noqa: N818 - as above
    """A message of more bytes, values or chunks than are taken."""


class InsecureMessage(UadpError):  # noqa: N818 - as above
    """A signature, a key or a mode that is not what it has to be."""
