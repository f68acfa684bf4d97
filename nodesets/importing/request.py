"""What is asked of the process that reads: files and limits, as one line."""

from __future__ import annotations

from dataclasses import astuple
from typing import NamedTuple, cast

from nodesets.compiled.headers import finding_rows, header_row, read_findings, read_header_row
from nodesets.compiled.lines import line_of, raw_of
from nodesets.compiled.problems import all_of, rows_of, the
from nodesets.compiled.tables import Raw
from nodesets.header import Header
from nodesets.limits import Limits
from nodesets.resolver import Resolution


class Request(NamedTuple):
    """The files of a model, the standard namespace's first of all, and how much may be read."""

    standard: Header
    resolution: Resolution
    limits: Limits

    def line(self) -> bytes:
        """Write it. Equal requests are equal lines."""
        resolution = self.resolution
        others: Raw = [[uri, list(map(header_row, headers))] for uri, headers in resolution.others.items()]
        files: Raw = [header_row(self.standard), list(map(header_row, resolution.files)), others]
        told: Raw = [finding_rows(resolution.findings), finding_rows(resolution.warnings), sorted(resolution.missing)]
        return line_of([*files, *told, list(astuple(self.limits))])

    @classmethod
    def of(cls, line: bytes) -> Request:
        """Read it."""
        standard, files, others, findings, warnings, missing, limits = raw_of(line)
        resolution = Resolution(
            tuple(map(read_header_row, rows_of(files))),
            read_findings(findings),
            read_findings(warnings),
            frozenset(all_of(str, missing)),
            {the(str, uri): tuple(map(read_header_row, rows_of(headers))) for uri, headers in rows_of(others)},
        )
        return cls(read_header_row(standard), resolution, Limits(*cast("list[int]", limits)))
