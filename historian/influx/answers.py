"""What the server's refusals mean: come again later, mend the configuration, or leave a line out."""

from __future__ import annotations

import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

from core.errors import StoreUnavailable
from historian.influx.connection import Answer

REFUSED: Final = frozenset({400, 413, 422})
"""Status codes that speak of what was sent: 400 (1.x, 3.x), 422 (2.x), 413 (too much at once)."""
TOO_LARGE: Final = 413
_LONGEST_ADVICE: Final = 3600.0
_SHOWN: Final = 300
_EXPIRED: Final = re.compile(r"points beyond retention policy dropped=(\d+)")

_MENDS: Final = {
    401: "give the token, or the username and password, of somebody who may write there",
    403: "let this user or token read and write there",
    404: "make the database or bucket, or name another one; create: true makes a database of 1.x by itself",
    405: "look whether this is InfluxDB and whether api: names its generation",
}


def unavailable(answer: Answer, peer: str, doing: str) -> StoreUnavailable:
    """Say why the server did not do it and what mends it, with its own advice when to come again."""
    mend = _MENDS.get(answer.status, "")
    text = f"InfluxDB at {peer} refuses {doing}: {answer.status} {told(answer)}".rstrip()
    return StoreUnavailable(f"{text} ({mend})" if mend else text, retry_after=_advice(answer))


def told(answer: Answer) -> str:
    """Give the server's own words, on one line."""
    text = answer.body[: 16 * _SHOWN].decode("utf-8", "replace")
    try:
        content: Any = json.loads(answer.body) if len(answer.body) < 1 << 20 else None
    except ValueError:
        content = None
    if isinstance(content, dict):
        known = cast("dict[str, object]", content)
        text = str(known.get("error") or known.get("message") or text)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def expired(answer: Answer) -> int | None:
    """Count the lines left out because they are older than the database keeps, None when that is not what is wrong."""
    found = _EXPIRED.search(answer.body[: 16 * _SHOWN].decode("utf-8", "replace"))
    return int(found.group(1)) if found else None


def _advice(answer: Answer) -> float | None:
    """Read Retry-After (RFC 9110 10.2.3): seconds, or a date."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_ADVICE)
