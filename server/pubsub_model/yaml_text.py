"""Writes plain data as YAML that people can read, and that means the same when it is read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from core.settings import Plain
from core.settings.scalars import meaning

_BARE: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*|[0-9]+(?:us|ms|s|min|h|d|y)")
"""Texts that need no quotes, as long as they mean nothing else."""
_UNSEEN: Final = re.compile(r"[^\x20-\x7e\u00a1-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_STEP: Final = "  "


def yaml_text(data: Plain) -> str:
    """Write ``data``: mappings and lists in blocks, short lists of scalars on one line."""
    return "".join(f"{line}\n" for line in _lines(data, ""))


def _lines(data: Plain, indent: str) -> Iterator[str]:
    if isinstance(data, dict) and data:
        for key, value in data.items():
            if _is_block(value):
                yield f"{indent}{_scalar(key)}:"
                yield from _lines(value, indent + _STEP)
            else:
                yield f"{indent}{_scalar(key)}: {_flow(value)}"
    elif isinstance(data, list) and data:
        for value in data:
            yield f"{indent}- {_flow(value)}"
    else:
        yield f"{indent}{_flow(data)}"


def _is_block(data: Plain) -> bool:
    return bool(data) and (isinstance(data, dict) or (isinstance(data, list) and len(data) > 1))


def _flow(data: Plain) -> str:
    if isinstance(data, dict):
        return f"{{{', '.join(f'{_scalar(key)}: {_flow(value)}' for key, value in data.items())}}}"
    if isinstance(data, list):
        return f"[{', '.join(map(_flow, data))}]"
    return _scalar(data)


def _scalar(data: str | float | bool | None) -> str:  # noqa: FBT001 - any scalar
    if isinstance(data, str) and _BARE.fullmatch(data) and isinstance(meaning(data), str):
        return data
    # JSON's scalars are YAML's, but for what is not printable: line separators of Unicode's would end a line.
    return _UNSEEN.sub(lambda found: f"\\U{ord(found[0]):08X}", json.dumps(data, ensure_ascii=False))
