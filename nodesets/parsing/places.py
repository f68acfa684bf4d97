"""Where in a file something stands, looked up only when there is something to tell.

lxml keeps an element's line but no column. So whoever finds something wrong keeps a :class:`Spot`: which of the root's
elements, and which element within it. :func:`locate` reads the file once more, by expat, and gives the places.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from core.errors import InputError, Place
from nodesets.parsing.elements import Element
from nodesets.xml_reading import StopReading, read


class Spot(NamedTuple):
    """An element: the number of the root's element that it is in, and its own number within that, in document order.

    Both count from 0. Where ``path`` is given, ``number`` counts the elements at that path alone (``("References",
    "Reference")``).
    """

    position: int
    number: int = 0
    path: tuple[str, ...] = ()


class Numbers:
    """Gives elements their spots. All within one top element are counted once, or twice where asked out of order."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._top: Element | None = None
        self._last: Element | None = None
        self._number = -1
        self._rest: Iterator[Element] = iter(())
        self._all: dict[Element, int] | None = None

    def spot_of(self, element: Element, top: Element, position: int) -> Spot:
        """Give the spot of an element within ``top``, the root's element number ``position``."""
        if top is self._top and element is self._last:
            return Spot(position, self._number)
        if top is not self._top:
            self._top, self._last, self._number, self._rest, self._all = top, None, -1, top.iter(), None
        if self._all is None:
            for one in self._rest:
                self._number += 1
                if one is element:
                    self._last = element
                    return Spot(position, self._number)
            # Behind what was asked for last: from now on all are known.
            self._all = {one: number for number, one in enumerate(top.iter())}
        return Spot(position, self._all.get(element, 0))


def locate(file: Path, spots: Iterable[Spot]) -> Mapping[Spot, Place]:
    """Give the places of spots; the whole file's for those that cannot be found."""
    wanted: dict[int, set[Spot]] = {}
    for spot in spots:
        wanted.setdefault(spot.position, set()).add(spot)
    handler = _Locator(wanted)
    if wanted:
        # What breaks off was told by whoever read the file first; what stands before has been found.
        with contextlib.suppress(InputError):
            read(file, handler)
    return _WithDefault(handler.found, Place.of(file))


class _WithDefault(dict[Spot, Place]):
    def __init__(self, found: Mapping[Spot, Place], default: Place) -> None:
        super().__init__(found)
        self._default = default

    def __missing__(self, spot: Spot) -> Place:
        return self._default


class _Locator:
    """Counts elements as :class:`Spot` does."""

    def __init__(self, wanted: Mapping[int, set[Spot]]) -> None:
        self.found: dict[Spot, Place] = {}
        self._wanted = wanted
        self._last = max(wanted, default=-1)
        self._position = -1
        self._number = -1
        self._by_path: dict[tuple[str, ...], int] = {}

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], place: Place) -> None:
        del attributes
        if len(path) == 1:
            self._position += 1
            self._number = -1
            self._by_path.clear()
            if self._position > self._last:
                raise StopReading
        spots = self._wanted.get(self._position)
        if spots is None:
            return
        self._number += 1
        below = path[1:]
        count = self._by_path.get(below, -1) + 1
        self._by_path[below] = count
        for spot in (Spot(self._position, self._number), Spot(self._position, count, below)):
            if spot in spots:
                self.found[spot] = place

    def end(self, path: tuple[str, ...], text: str) -> None:
        pass
