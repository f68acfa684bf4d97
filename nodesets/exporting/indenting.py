"""White space for people, where it means nothing."""

from __future__ import annotations

from nodesets.parsing.elements import PREFIX, Element

_STEP = "  "
_EXTENSION = f"{PREFIX}Extension"


def indent(element: Element, level: int, but: Element | None = None) -> None:
    """Put each child on a line of its own. What has a text stays, and an Extension, and the element ``but``."""
    if not len(element) or element.text is not None or element.tag == _EXTENSION or element is but:
        return
    element.text = "\n" + _STEP * (level + 1)
    for child in element:
        indent(child, level + 1, but)
        child.tail = element.text
    element[-1].tail = "\n" + _STEP * level
