"""What is wrong with single elements: told at its line and column, passed over, and costing no more than itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.names import NodeName
from nodesets.nodes import Reference, VariableNode
from tests.unit.nodesets.written import own, read, told

standard = NodeName.standard
PLACES = [
    (
        '<UAObject NodeId="ns=1;i=1" Colour="red" BrowseName="1:A"/>',
        [
            "4:1: the attribute 'Colour' is not known in UAObject and was passed over",
        ],
    ),
    (
        '<UAObject NodeId="ns=1;i=1" BrowseName="1:A">\n\t<Shape/></UAObject>',
        [
            "5:2: the element 'Shape' is not known in UAObject and was passed over",
        ],
    ),
    (
        '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><Definition Name="A"/></UAObject>',
        [
            "4:46: the element 'Definition' is not known in UAObject and was passed over",
        ],
    ),
    (
        '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><x:New xmlns:x="urn:x"/></UAObject>',
        [
            "4:46: the element '{urn:x}New' is not known in UAObject and was passed over",
        ],
    ),
    (
        "<Odd>\n<UAObject/></Odd>\n<UAObject/>",
        [
            "6:1: UAObject has no NodeId",
            "6:1: the node has no BrowseName",
            "4:1: the element 'Odd' is not known in UANodeSet and was passed over",
        ],
    ),
    (
        "<UAObject/>\n<Odd/>\n<!-- --><Odd/>",
        [
            "4:1: UAObject has no NodeId",
            "4:1: the node has no BrowseName",
            "5:1: the element 'Odd' is not known in UANodeSet and was passed over",
            "6:9: the element 'Odd' is not known in UANodeSet and was passed over",
        ],
    ),
    (
        '<UAObject\n  NodeId="ns=1;i=x"\n  BrowseName="1:A"\n/>',
        [
            "4:1: NodeId 'ns=1;i=x': 'x' is not a number from 0 to 4294967295",
        ],
    ),
    (
        '<UAObject NodeId="ns=1;i=1" BrowseName=""/>',
        [
            "4:1: BrowseName is empty",
        ],
    ),
    (
        (
            '<UAObject NodeId="ns=1;i=1" BrowseName="1:A">\n'
            "<References>\n"
            '\t<Reference ReferenceType="i=47"\n'
            ' IsForward="false">i=</Reference>\n'
            "<Reference>i=85</Reference></References></UAObject>"
        ),
        [
            "6:2: Reference 'i=': '' is not a number from 0 to 4294967295",
            "8:1: Reference has no ReferenceType",
        ],
    ),
    (
        (
            '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><References>\n'
            '<Reference ReferenceType="i=47" IsForward="maybe">i=1</Reference></References></UAObject>'
        ),
        [
            "5:1: IsForward 'maybe' is neither true nor false",
        ],
    ),
    (
        (
            '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><References>\n'
            '<Reference ReferenceType="i=47" Way="up">i=1</Reference>\n'
            '<Link ReferenceType="i=47">i=1</Link></References></UAObject>'
        ),
        [
            "5:1: the attribute 'Way' is not known in Reference and was passed over",
            "6:1: the element 'Link' is not known in References and was passed over",
        ],
    ),
    (
        (
            '<UADataType NodeId="ns=1;i=1" BrowseName="1:A"><Definition Name="1:A">\n'
            '<Field Name="a"/>\n'
            "   <Field\n"
            ' Name="b" ValueRank="up" MaxStringLength="-1"/>\n'
            "<Field/>\n"
            '<Fild Name="c"/></Definition></UADataType>'
        ),
        [
            "6:4: ValueRank 'up' is no whole number from -3 to 2147483647",
            "6:4: MaxStringLength '-1' is no whole number from 0 to 4294967295",
            "8:1: Field has no Name",
            "9:1: the element 'Fild' is not known in Definition and was passed over",
        ],
    ),
    (
        (
            '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><RolePermissions>\n'
            '<RolePermission Permissions="all">i=1</RolePermission>\n'
            "<RolePermission>me=</RolePermission>\n"
            "<Role/></RolePermissions></UAObject>"
        ),
        [
            "5:1: Permissions 'all' is no whole number from 0 to 4294967295",
            ("6:1: RolePermission 'me=': it is not of the form [nsu=URI;]k=identifier with k one of i, s, g, b"),
            "7:1: the element 'Role' is not known in RolePermissions and was passed over",
        ],
    ),
    (
        '<UAVariable NodeId="ns=1;i=1" BrowseName="1:A">\n  <Value>\n 5 </Value></UAVariable>',
        [
            "5:3: Value holds text and no element",
        ],
    ),
    (
        '<UAObject NodeId="ns=1;i=1" BrowseName="1:A">\n<References/>\n<References/></UAObject>',
        [
            "6:1: UAObject has a second References",
        ],
    ),
    (
        '<UAObject NodeId="ns=1;i=1" BrowseName="1:A" ReleaseStatus="Old" WriteMask="1_0" DesignToolOnly="2"/>',
        [
            "4:1: ReleaseStatus 'Old' is not known",
            "4:1: WriteMask '1_0' is no whole number from 0 to 4294967295",
            "4:1: DesignToolOnly '2' is neither true nor false",
        ],
    ),
    (
        '<UAVariable NodeId="ns=1;i=1" BrowseName="1:A" MinimumSamplingInterval="1_0" ArrayDimensions="1,,2"/>',
        [
            "4:1: MinimumSamplingInterval '1_0' is not a number",
            "4:1: ArrayDimensions '' is no whole number from 0 to 4294967295",
        ],
    ),
    (
        '<UAObject NodeId="ns=000000009;i=1" BrowseName="0000000000009:A"/>',
        [
            "4:1: NodeId 'ns=000000009;i=1': the namespace index 9 is beyond NamespaceUris, which ends at 2",
            (
                "4:1: BrowseName '0000000000009:A': the namespace index 0000000000009 is beyond"
                " NamespaceUris, which ends at 2"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("nodes", "expected"), PLACES)
def test_what_is_wrong_is_told_at_its_line_and_column(tmp_path: Path, nodes: str, expected: list[str]) -> None:
    assert told(read(tmp_path, nodes)) == expected


def test_what_is_wrong_with_an_attribute_costs_that_attribute_alone(tmp_path: Path) -> None:
    nodeset = read(
        tmp_path,
        '<UAVariable NodeId="ns=1;i=1" BrowseName="1:A" AccessLevel="all" Historizing="true"><References>'
        '<Reference ReferenceType="Nonsense">i=1</Reference><Reference ReferenceType="i=47">i=2</Reference>'
        "</References></UAVariable>"
        '<UAVariable NodeId="ns=1;i=2" BrowseName="9:A"/><UAVariable NodeId="ns=1;i=3" BrowseName="1:C"/>',
    )
    first, third = nodeset.nodes
    assert isinstance(first, VariableNode)
    assert (first.access_level, first.historizing) == (1, True)
    assert first.references == (Reference(standard(47), standard(2)),)
    assert third.name == own(3)
    assert len(nodeset.problems) == 3


@pytest.mark.parametrize("identifier", ["s=" + "x" * 100_000, "i=" + "9" * 100_000, "q" * 100_000])
def test_a_huge_text_is_told_in_short(tmp_path: Path, identifier: str) -> None:
    nodeset = read(
        tmp_path,
        f'<UAObject NodeId="{identifier}" BrowseName="1:A"/><UAObject NodeId="ns=1;i=1" BrowseName="1:B">'
        f'<References><Reference ReferenceType="{identifier}">{identifier}</Reference></References></UAObject>',
    )
    assert len(nodeset.problems) == 3
    assert all(len(problem.problem) + len(problem.mend) < 400 for problem in nodeset.problems)
