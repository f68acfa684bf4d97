"""Draws history as a picture: values over time, one axis a unit, nothing drawn where they are Bad."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType
from core.errors import PlantspaceError
from core.quality import absent_mask, bad_mask
from core.time import UNIX_EPOCH_TICKS
from server.cli.history_rows import Heading, Rows, joined, say_empty
from server.extras import load

_COLUMNS: Final = 1500
"""Pixels of the picture's width that values are drawn in: of more, each has its least and its greatest."""
_WIDTH, _HEIGHT, _DPI = 14.0, 4.0, 120
MOST_NODES: Final = 20
"""Of one picture."""


class NotDrawnError(PlantspaceError):
    """There is nothing that could be drawn."""


class PlotWriter:
    """Keeps all rows and draws at the end. ``units``: the engineering units by node, as far as they are known."""

    def __init__(self, heading: Heading, file: Path, units: Mapping[str, str], zone: ZoneInfo | None) -> None:
        """Raises :class:`~server.extras.ExtraMissingError`."""
        self._heading = heading
        load("matplotlib", "plots", "a picture").use("Agg")
        self._pyplot = load("matplotlib.pyplot", "plots", "a picture")
        self._dates = load("matplotlib.dates", "plots", "a picture")
        self._file = file
        self._units = units
        self._zone = zone
        self._pages: list[Rows] = []
        self._parts: dict[str, list[Rows]] = {}
        self._node = ""

    def begin(self, node: str) -> None:
        """Begin with a node's rows."""
        self._node, self._pages = node, []

    def add(self, rows: Rows) -> None:
        """Keep rows."""
        if rows.datatype.is_object:
            message = f"{self._node} holds {rows.datatype.symbol} values, which cannot be drawn (take --format csv)"
            raise NotDrawnError(message)
        self._pages.append(rows)

    def end(self, *, known: bool) -> None:
        """Keep a node's rows together; say so where there are none."""
        if self._pages:
            self._parts[self._node] = joined(self._pages)
        else:
            say_empty(self._node, known=known)

    def close(self) -> None:
        """Draw. Raises :class:`NotDrawnError`, :class:`OSError`."""
        if not self._parts:
            message = "there are no values in this time, so there is nothing to draw"
            raise NotDrawnError(message)
        units = list(dict.fromkeys(self._units.get(node, "") for node in self._parts))
        figure, axes = self._pyplot.subplots(
            len(units), 1, sharex=True, squeeze=False, figsize=(_WIDTH, _HEIGHT * len(units)), dpi=_DPI
        )
        try:
            for unit, (axis,) in zip(units, axes, strict=True):
                self._draw(axis, unit)
            zone = self._zone or UTC
            last = axes[-1][0]
            last.set_xlabel(f"{self._heading.time.replace('_', ' ')} ({self._zone or 'UTC'})")
            locator = self._dates.AutoDateLocator(tz=zone)
            last.xaxis.set_major_locator(locator)
            last.xaxis.set_major_formatter(self._dates.ConciseDateFormatter(locator, tz=zone))
            figure.tight_layout()
            figure.savefig(self._file, format="png", metadata={"Software": "Plantspace"})
        finally:
            self._pyplot.close(figure)

    def _draw(self, axis: Any, unit: str) -> None:  # noqa: ANN401 - matplotlib has no annotations that pyright takes
        for node, pages in self._parts.items():
            if self._units.get(node, "") != unit:
                continue
            times = np.concatenate([page.times for page in pages])
            values = np.concatenate([_drawn(page) for page in pages])
            stepped = all(page.datatype is DataType.BOOLEAN for page in pages)
            moments, heights = _thinned(times, values)
            days = (moments - UNIX_EPOCH_TICKS) / 864e9
            axis.plot(days, heights, drawstyle="steps-post" if stepped else "default", linewidth=1.0, label=node)
            low, high = (_column(pages, name) for name in ("minimum", "maximum"))
            if low is not None and high is not None:
                axis.fill_between((times - UNIX_EPOCH_TICKS) / 864e9, low, high, alpha=0.2, linewidth=0)
        axis.set_ylabel(unit or "value")
        axis.grid(visible=True, alpha=0.3)
        axis.legend(loc="upper left", fontsize="small")


def _drawn(rows: Rows) -> npt.NDArray[np.float64]:
    """Give what is drawn: NaN, and so a gap, where a value is Bad or missing."""
    if rows.more:
        return rows.more["average"].astype(np.float64)
    values = rows.values.astype(np.float64)
    values[bad_mask(rows.status) | absent_mask(rows.status)] = np.nan
    return values


def _column(pages: list[Rows], name: str) -> npt.NDArray[np.float64] | None:
    if not all(name in page.more for page in pages):
        return None
    return np.concatenate([page.more[name] for page in pages]).astype(np.float64)


def _thinned(
    times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Keep of each run of values the least, the greatest and a gap: the picture looks the same."""
    run = len(times) // _COLUMNS
    if run < 4:  # noqa: PLR2004 - three of each run are kept
        return times, values
    whole = len(times) // run * run
    table = values[:whole].reshape(-1, run)
    empty = np.isnan(table)
    least = np.argmin(np.where(empty, np.inf, table), axis=1)
    greatest = np.argmax(np.where(empty, -np.inf, table), axis=1)
    first_empty: npt.NDArray[np.intp] = np.argmax(empty, axis=1)
    has_gap = np.unique(np.nonzero(empty)[0])
    gap: npt.NDArray[np.intp] = least.copy()
    gap[has_gap] = first_empty[has_gap]
    starts = np.arange(len(table)) * run
    chosen = np.unique(np.concatenate([starts + least, starts + greatest, starts + gap, np.arange(whole, len(times))]))
    return times[chosen], values[chosen]
