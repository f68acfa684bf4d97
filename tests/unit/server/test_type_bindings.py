"""The template language against a slow model, and tables of members and instances."""

from __future__ import annotations

import ast
import operator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Findings
from core.settings import Document
from server.address_templates import DEEPEST, LARGEST, Template, TemplateError
from server.bindings import bindings_of_rows
from server.type_bindings import ExpandedPlace, ExpandedRows, expand_type_bindings

VALUES = {"base": "100", "n": "-3", "tag": "DB4.x", "big": str(LARGEST), "long_name_2": "+7"}

_NUMBERS = st.integers(0, 1000).map(str)
_NAMES = st.sampled_from(["base", "n", "long_name_2"])
_SPACE = st.sampled_from(["", " "])
EXPRESSIONS = st.recursive(
    st.one_of(_NUMBERS, _NAMES),
    lambda inner: st.one_of(
        st.tuples(inner, _SPACE, st.sampled_from("+-*"), _SPACE, inner).map("".join),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"-{one}" if not one.startswith("-") else one),
    ),
    max_leaves=8,
)
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def slowly(node: ast.AST) -> int:
    """Work an expression out by Python's own reading of it."""
    if isinstance(node, ast.Expression):
        return slowly(node.body)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return int(VALUES[node.id])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -slowly(node.operand)
    assert isinstance(node, ast.BinOp)
    work_out = next(one for kind, one in _OPERATORS.items() if isinstance(node.op, kind))
    return work_out(slowly(node.left), slowly(node.right))


def _fill(text: str) -> str:
    template = Template.parse(text)
    template.check(tuple(VALUES))
    return template.fill(VALUES)


@given(EXPRESSIONS)
def test_expressions_mean_what_python_means(expression: str) -> None:
    """Precedence, signs and parentheses."""
    if expression.strip() in VALUES:
        expected = VALUES[expression.strip()]
    else:
        expected = str(slowly(ast.parse(expression, mode="eval")))
    assert Template.parse(f"a{{{expression}}}b").fill(VALUES) == f"a{expected}b"


@given(st.text(alphabet="{}()+-* base123n.x", max_size=30))
def test_any_text_is_a_template_or_an_error_with_a_place(text: str) -> None:
    """Nothing else comes out, and the place is inside the text or right behind it."""
    column = 1
    try:
        _fill(text)
    except TemplateError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1


@given(st.text())
def test_doubled_braces_are_braces(text: str) -> None:
    """Every text can be written."""
    assert Template.parse(text.replace("{", "{{").replace("}", "}}")).fill({}) == text


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("holding:{bse+1}", 10, "there is no parameter 'bse'"),
        ("{tag+1}", 2, "no whole number"),
        ("{base/2}", 6, "'/' means nothing here"),
        ("{base 2}", 7, "'2' is not expected here"),
        ("{}", 2, "is missing at the end"),
        ("{base+}", 7, "is missing at the end"),
        ("{(base}", 7, "a ( is not closed"),
        ("{base", 1, "a { is not closed"),
        ("base}", 5, "a } stands alone"),
        ("{base**2}", 7, "is missing before '*'"),
        ("{__import__('os')}", 12, "'(' is not expected here"),
        ("{big*big}", 5, "too large"),
        ("{99999999999999999999}", 2, "too large"),
        ("{" + "(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1) + "}", DEEPEST + 2, "nested too deep"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, column: int, problem: str) -> None:
    """Each kind of error with its column."""
    with pytest.raises(TemplateError) as raised:
        _fill(text)
    assert problem in raised.value.problem
    assert raised.value.column == column


def _expand(
    folder: Path, members: str, instances: str, *, known: dict[str, str] | None = None, key: str = ""
) -> tuple[ExpandedRows, Findings]:
    (folder / "members.csv").write_text(members, encoding="utf-8")
    (folder / "instances.csv").write_text(instances, encoding="utf-8")
    key = key or "{members: members.csv, instances: instances.csv}"
    config = folder / "gateway.yaml"
    config.write_text(f"devices:\n  plc:\n    type_bindings: {key}\n", encoding="utf-8")
    findings = Findings()
    document = Document.read(config, findings)
    assert document is not None
    section = document.section(("devices", "plc"))
    return expand_type_bindings(section, known or {}, findings), findings


def test_300_devices_in_300_lines(tmp_path: Path) -> None:
    """A row for each member of each instance, as if it stood in the device's own table."""
    members = "member,address,type,scan\nFlow,holding:{base+10}/float32,Double,100ms\nMotor/On,coil:{coil},,\n"
    lines = [f"/Objects/Line/P{number},{number * 100},{number}\n" for number in range(300)]
    expanded, findings = _expand(tmp_path, members, "node,base,coil\n" + "".join(lines))
    bindings = bindings_of_rows("plc", expanded.rows, findings)
    assert not findings.items
    assert len(bindings.bindings) == 600
    last = bindings.bindings[-2:]
    assert [(one.node, one.address) for one in last] == [
        ("/Objects/Line/P299/Flow", "holding:29910/float32"),
        ("/Objects/Line/P299/Motor/On", "coil:299"),
    ]
    assert last[0].scan == 0.1


def test_instances_go_by_their_names(tmp_path: Path) -> None:
    """An instance that the configuration makes is named by its name alone; a wrong name has its nearest."""
    known = {"Pump1": "/Objects/Line/Pump1"}
    expanded, findings = _expand(tmp_path, "member;address\nFlow;a{n}\n", "node;n\nPump1;1\nPmp1;2\n", known=known)
    assert [row.get("node") for row in expanded.rows] == ["/Objects/Line/Pump1/Flow"]
    assert not expanded.complete
    told = [str(one) for one in findings.items]
    assert told == [f"{tmp_path / 'instances.csv'}:3:1: there is no instance 'Pmp1' (did you mean Pump1?)"]


def test_an_unknown_parameter_is_told_once_with_the_nearest(tmp_path: Path) -> None:
    """At its place in the table of members, however many instances there are."""
    instances = "node,base\n" + "".join(f"/Objects/P{number},1\n" for number in range(50))
    _, findings = _expand(tmp_path, 'member,address\nFlow,"holding:{bse+1}"\n', instances)
    place = f"{tmp_path / 'members.csv'}:2:16"
    assert [str(one) for one in findings.items] == [f"{place}: there is no parameter 'bse' (did you mean base?)"]


def test_errors_name_the_line_of_the_template_and_that_of_the_instance(tmp_path: Path) -> None:
    """What depends on the instance is told with both places, what does not with one, and once."""
    members = "member,address,scale,type\nFlow,holding:{base+1},{factor},Doble\nOther,coil:{base*2},,\n"
    instances = "node,base,factor\n/Objects/P1,1,0.1\n/Objects/P2,2,abc\n/Objects/P3,x,1\n"
    expanded, findings = _expand(tmp_path, members, instances)
    bindings_of_rows("plc", expanded.rows, findings)
    table, list_ = tmp_path / "members.csv", tmp_path / "instances.csv"
    no_number = "the parameter 'base' is 'x', which is no whole number to calculate with (write a number such as 100)"
    assert sorted({str(one) for one in findings.items}) == [
        f"{table}:2:15 for the instance at {list_}:4:1: {no_number}",
        f"{table}:2:23 for the instance at {list_}:3:1: 'scale' must be a number, not 'abc' (write it like 0.1)",
        f"{table}:2:32: there is no data type 'Doble' (did you mean Double?)",
        f"{table}:3:13 for the instance at {list_}:4:1: {no_number}",
    ]
    with pytest.raises(Exception, match="Doble") as raised:
        findings.raise_if_any()
    assert len(getattr(raised.value, "findings", ())) == 4


def test_expanded_places_sort_among_others(tmp_path: Path) -> None:
    """Findings of all kinds go into one order."""
    members = "member,address,scale\nFlow,a,{f}\nOther,b,zero\n"
    expanded, findings = _expand(tmp_path, members, "node,f\n/Objects/B,x\n/Objects/A,y\n")
    bindings_of_rows("plc", expanded.rows, findings)
    places = [one.place for one in sorted(set(findings.items))]
    assert [(place.line, isinstance(place, ExpandedPlace)) for place in places] == [(2, True), (2, True), (3, False)]
    assert "instances.csv:2:1" in str(places[0])
    assert "instances.csv:3:1" in str(places[1])


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("members.csv", "must be a mapping"),
        ("{members: members.csv}", "'devices.plc.type_bindings.instances' must name a CSV file"),
        ("{members: members.csv, instance: instances.csv}", "unknown key 'instance'"),
        ("[{members: members.csv, instances: [1]}]", "'devices.plc.type_bindings[0].instances' must name a CSV file"),
        ("{members: none.csv, instances: instances.csv}", "none.csv"),
        ("{members: members.csv, instances: none.csv}", "none.csv"),
    ],
)
def test_a_wrong_section_is_told(tmp_path: Path, key: str, problem: str) -> None:
    """The key must name both tables."""
    expanded, findings = _expand(tmp_path, "member,address\nA,b\n", "node\n/Objects/P\n", key=key)
    assert not expanded.complete
    assert any(problem in str(one) for one in findings.items)


def test_several_types_may_be_on_one_device(tmp_path: Path) -> None:
    """A list has a pair of tables for each type."""
    pair = "{members: members.csv, instances: instances.csv}"
    expanded, findings = _expand(tmp_path, "member,address\nA,b\n", "node\n/Objects/P\n", key=f"[{pair}, {pair}]")
    assert not findings.items
    assert len(expanded.rows) == 2


def test_an_empty_table_of_instances_is_told(tmp_path: Path) -> None:
    """Nothing at all is no header."""
    _, findings = _expand(tmp_path, "member,address\nA,b\n", "")
    assert ["the table is empty" in str(one) for one in findings.items] == [True]
