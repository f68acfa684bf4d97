from __future__ import annotations

from core.errors import Finding, Place
from nodesets.alike import alike


def _finding(line: int, problem: str, mend: str = "") -> Finding:
    return Finding(Place("a.xml", line, 1), problem, mend)


def test_remarks_that_differ_in_names_alone_are_told_once() -> None:
    remarks = [
        _finding(1, "value of 'A': too long", "shorten it"),
        _finding(2, "Reference nsu=urn:x;i=1: no such node"),
        _finding(3, "value of 'B': too long", "shorten it"),
        _finding(4, "Reference nsu=urn:x;i=2: no such node"),
        _finding(5, "value of 'C': too short"),
    ]
    assert list(map(str, alike(remarks))) == [
        "2 times: value of '…': too long (shorten it); the first at a.xml:1:1",
        "2 times: Reference nsu=urn:x;i=…: no such node; the first at a.xml:2:1",
        "a.xml:5:1: value of 'C': too short",
    ]


def test_what_has_another_mend_is_another_remark() -> None:
    assert [one.many for one in alike([_finding(1, "a", "b"), _finding(2, "a", "c")])] == [1, 1]
