"""How findings are told: one a line as editors link them, then how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from core.errors import Finding
from server.cli.terminal import counted, paint


def tell(findings: Sequence[Finding], stream: TextIO, after: str = "") -> None:
    """Print findings and their count; ``after`` says what has therefore not happened."""
    for finding in findings:
        mend = paint(f" ({finding.mend})", "dim", stream) if finding.mend else ""
        print(f"{paint(str(finding.place), 'bold', stream)}: {finding.problem}{mend}", file=stream)
    count = counted(len(findings), "error")
    print(paint(count + (f"; {after}" if after else ""), "red", stream), file=stream)
