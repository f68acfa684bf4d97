"""Writes metrics as text: OpenMetrics 1.0, and the Prometheus format 0.0.4 that came before it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with its values by labels. A counter's name is without ``_total``, which its samples get."""

    name: str
    kind: Literal["counter", "gauge", "info"]
    text: str
    values: Sequence[tuple[Labels, float]]


def write(families: Iterable[Family], *, openmetrics: bool) -> bytes:
    """Give the text of one answer; in any thread."""
    lines: list[str] = []
    for family in families:
        if not family.values:
            continue
        suffix = {"counter": "_total", "info": "_info", "gauge": ""}[family.kind]
        # The older format has no infos, and knows a counter by its whole name.
        name = family.name if openmetrics else family.name + suffix
        kind = family.kind if openmetrics or family.kind != "info" else "gauge"
        lines.append(f"# TYPE {name} {kind}")
        lines.append(f"# HELP {name} {_escaped(family.text)}")
        lines += [f"{family.name}{suffix}{_labels(labels)} {_number(value)}" for labels, value in family.values]
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode()


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
