"""Whatever the bytes of a file are: it is read, or its findings say why not."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodesets.model import read_model
from nodesets.resolver import resolve
from tests.unit.nodesets.recipes import SUBTYPE, body, recipe, variable
from tests.unit.nodesets.written import URI, document, write

pytestmark = pytest.mark.usefixtures("core")

SEED = document(
    '<Aliases><Alias Alias="Feeds">ns=1;i=7</Alias></Aliases>'
    + recipe()
    + variable(body("ns=1;i=2"))
    + '<UAReferenceType NodeId="ns=1;i=7" BrowseName="1:Feeds"><DisplayName Locale="de">Zufuhr</DisplayName>'
    + SUBTYPE.format("i=32")
    + "<InverseName>FedBy</InverseName></UAReferenceType>"
    + '<UAVariable NodeId="ns=1;s=Level" BrowseName="1:Level" ParentNodeId="i=85" DataType="Double" ValueRank="1"'
    ' ArrayDimensions="2" MinimumSamplingInterval="100"><References><Reference ReferenceType="Feeds">ns=1;i=9'
    "</Reference></References><RolePermissions><RolePermission Permissions='3'>i=1</RolePermission></RolePermissions>"
    '<Extensions><Extension><a xmlns="urn:x"/></Extension></Extensions>'
    "<Value><u:ListOfDouble><u:Double>1</u:Double><u:Double>2</u:Double></u:ListOfDouble></Value></UAVariable>"
    + '<UAMethod NodeId="ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a" BrowseName="1:M"/>',
    required="",
).encode()
JUNK = (
    b"<", b">", b"/", b"&", b'"', b"\x00", b"\xff", b"\xc3", b"&#0;", b"&lol;", b"<![CDATA[", b"]]>", b"<!--", b"<?x",
    b"<!DOCTYPE a>", b"i=", b"ns=0000000009;i=1", b"b=\xc3\xa9", b"=", b":", b"9" * 30, b"1_0", b"-1", b"NaN", b"\n",
    b' xmlns="relative"', b"<UAObject/>", b"</UAObject>", b"<a>" * 300, b"u:", b"xsi:nil='true'",
)  # fmt: skip
mutations = st.lists(
    st.tuples(
        st.integers(0, len(SEED)),
        st.integers(0, 40),
        st.binary(max_size=4) | st.sampled_from(JUNK) | st.integers(0, len(SEED)).map(lambda at: SEED[at : at + 60]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations, st.booleans())
def test_whatever_is_in_a_file_is_a_finding_and_no_exception(
    changes: list[tuple[int, int, bytes]],
    packed: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    content = SEED
    for at, length, new in changes:
        content = content[:at] + new + content[at + length :]
    with TemporaryDirectory() as folder:
        name = "test.NodeSet2.xml" + ".gz" * packed
        file = write(Path(folder), gzip.compress(content, 1) if packed else content, name)
        model = read_model(resolve([file], []))
        assert all(one.place.file.startswith(folder) for one in model.findings)
        assert all(one.place.line for one in model.findings if "no model" not in one.problem)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_damaged_packed_file_is_a_finding_and_no_exception(at: int, new: bytes) -> None:
    content = gzip.compress(SEED)
    with TemporaryDirectory() as folder:
        file = write(Path(folder), content[:at] + new + content[at + len(new) :], "test.NodeSet2.xml.gz")
        read_model(resolve([file], []))


def test_the_file_that_is_damaged_above_is_right(tmp_path: Path) -> None:
    model = read_model(resolve([write(tmp_path, SEED)]))
    assert (model.findings, model.warnings) == ((), ())
    assert len([name for name in model.nodes if name.namespace == URI]) == 6
