"""Instances, one rule of Part 3 v1.05 at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodesets.built_in_types import BuiltInType, LocalizedText, QualifiedName, Variant
from nodesets.instances import InstanceError, Instances, NewInstance, instantiate
from nodesets.names import NodeName
from nodesets.nodes import (
    MethodNode,
    Node,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    VariableNode,
    VariableTypeNode,
)
from tests.unit.nodesets.test_instances_type_systems import (
    BASE_VARIABLE,
    HAS_COMPONENT,
    HAS_INTERFACE,
    HAS_PROPERTY,
    HAS_RULE,
    HAS_SUBTYPE,
    HAS_TYPE,
    MANDATORY,
    OBJECTS,
    OPTIONAL,
    URI,
    I,
    standard_nodes,
)

OPTIONAL_PLACEHOLDER, MANDATORY_PLACEHOLDER = I(11508), I(11510)
GENERATES_EVENT, ORGANIZES, HAS_CAUSE = I(41), I(35), I(117)
FOLDER_TYPE, BASE_OBJECT, BASE_INTERFACE = I(61), I(58), I(17602)
OWN = "urn:own"


class Types:
    """A model that is written down in a few words. NodeIds of types and declarations are texts."""

    def __init__(self) -> None:
        self.nodes = standard_nodes()
        for kind in (HAS_CAUSE, GENERATES_EVENT, I(40), I(37)):
            self.nodes[kind] = ReferenceTypeNode(name=kind, browse_name=QualifiedName("", str(kind)))

    def type(self, name: str, above: NodeName | str = BASE_OBJECT, *more: Reference, abstract: bool = False) -> None:
        references = (Reference(HAS_SUBTYPE, node(above), forward=False), *more)
        self._add(
            ObjectTypeNode(name=node(name), browse_name=QualifiedName(URI, name), is_abstract=abstract), references
        )

    def variable_type(self, name: str, **attributes: object) -> None:
        made = VariableTypeNode(name=node(name), browse_name=QualifiedName(URI, name))
        self._add(replace(made, **attributes), (Reference(HAS_SUBTYPE, BASE_VARIABLE, forward=False),))

    def child(
        self,
        path: str,
        made: type[ObjectNode | VariableNode | MethodNode] = ObjectNode,
        *more: Reference,
        rule: NodeName | None = MANDATORY,
        kind: NodeName | str | None = None,
        reference: NodeName = HAS_COMPONENT,
        namespace: str = URI,
        **attributes: object,
    ) -> None:
        """Declare a child by its path from the type, which is its NodeId as well."""
        above, _, name = path.rpartition("/")
        kind = kind or (BASE_OBJECT if made is ObjectNode else BASE_VARIABLE)
        references = [Reference(reference, node(above), forward=False), *more]
        if made is not MethodNode:
            references.append(Reference(HAS_TYPE, node(kind)))
        if rule is not None:
            references.append(Reference(HAS_RULE, rule))
        plain = name.partition("@")[0]
        record = made(name=node(path), browse_name=QualifiedName(namespace, plain))
        self._add(replace(record, **attributes), tuple(references))

    def refer(self, source: str, kind: NodeName, target: NodeName | str) -> None:
        one = self.nodes[node(source)]
        one.references = (*one.references, Reference(kind, node(target)))

    def make(self, kind: str, **more: object) -> dict[str, Node]:
        """Give an instance's records by their identifiers."""
        records = instantiate(self.nodes, replace(wish(kind), **more))
        return {str(record.name.identifier): record for record in records}

    def problems(self, kind: str, **more: object) -> list[str]:
        with pytest.raises(InstanceError) as raised:
            self.make(kind, **more)
        return [f"{one.argument} {one.key}: {one.problem} ({one.mend})" for one in raised.value.problems]

    def _add(self, one: Node, references: tuple[Reference, ...]) -> None:
        one.references = references
        self.nodes[one.name] = one


def node(name: NodeName | str) -> NodeName:
    return name if isinstance(name, NodeName) else NodeName(URI, "s", name)


def own(identifier: str) -> NodeName:
    return NodeName(OWN, "s", identifier)


def wish(kind: str) -> NewInstance:
    name = QualifiedName(OWN, "X")
    return NewInstance(type=node(kind), namespace=OWN, identifier="X", browse_name=name, parent=OBJECTS)


def test_the_instance_itself() -> None:
    """In a folder it is organized; elsewhere it is a component."""
    types = Types()
    types.type("T")
    made = types.make("T")["X"]
    assert made.browse_name == QualifiedName(OWN, "X")
    assert made.display_name == (LocalizedText(None, "X"),)
    assert set(made.references) == {Reference(HAS_TYPE, node("T")), Reference(ORGANIZES, OBJECTS, forward=False)}
    types.nodes[node("plain")] = ObjectNode(name=node("plain"), browse_name=QualifiedName(URI, "plain"))
    made = types.make("T", parent=node("plain"))["X"]
    assert Reference(HAS_COMPONENT, node("plain"), forward=False) in made.references


def test_a_shared_declaration_is_a_shared_node() -> None:
    """A child that two members refer to is one node of the instance, with both references."""
    types = Types()
    types.type("T")
    types.child("T/A")
    types.child("T/B", rule=OPTIONAL)
    types.child("T/A/S", VariableNode)
    types.refer("T/B", ORGANIZES, "T/A/S")
    made = types.make("T", optional=["B"])
    assert sorted(made) == ["X", "X.A", "X.A.S", "X.B"]
    upwards = {one for one in made["X.A.S"].references if not one.forward}
    assert upwards == {
        Reference(HAS_COMPONENT, own("X.A"), forward=False),
        Reference(ORGANIZES, own("X.B"), forward=False),
    }
    assert sorted(types.make("T")) == ["X", "X.A", "X.A.S"]


def test_a_shared_node_that_one_path_overrides_stays_shared() -> None:
    """The subtype's declaration stands at both paths."""
    types = Types()
    types.type("T")
    types.child("T/A")
    types.child("T/B")
    types.child("T/A/S", VariableNode)
    types.refer("T/B", HAS_COMPONENT, "T/A/S")
    types.type("U", "T")
    types.child("U/A")
    types.child("U/A/S", VariableNode, historizing=True)
    made = types.make("U")
    assert sorted(made) == ["X", "X.A", "X.A.S", "X.B"]
    assert isinstance(made["X.A.S"], VariableNode)
    assert made["X.A.S"].historizing


def test_sharing_that_shows_late_reaches_what_was_seen_before() -> None:
    """An override deep in the type makes two nodes one, and so all that is beneath them."""
    types = Types()
    types.type("Motor")
    types.child("Motor/Speed", VariableNode)
    types.type("T")
    for path in ("T/A", "T/B", "T/D", "T/D/C"):
        types.child(path)
    types.child("T/B/S", kind="Motor")
    types.refer("T/D/C", HAS_COMPONENT, "T/B/S")
    types.type("U", "T")
    for path in ("U/A", "U/D", "U/D/C"):
        types.child(path)
    types.child("U/A/S", kind="Motor")
    types.refer("U/D/C", HAS_COMPONENT, "U/A/S")
    made = types.make("U")
    assert sorted(made) == ["X", "X.A", "X.A.S", "X.A.S.Speed", "X.B", "X.D", "X.D.C"]
    above = {one.target for one in made["X.A.S"].references if not one.forward}
    assert above == {own("X.A"), own("X.B"), own("X.D.C")}


def test_a_type_that_is_used_twice_makes_nodes_twice() -> None:
    """Also where declarations name the declarations of their type, as published files do."""
    types = Types()
    types.type("Motor")
    types.child("Motor/Speed", VariableNode)
    types.type("T")
    types.child("T/A", kind="Motor")
    types.child("T/B", kind="Motor")
    types.refer("T/A", HAS_COMPONENT, "Motor/Speed")
    types.refer("T/B", HAS_COMPONENT, "Motor/Speed")
    assert sorted(types.make("T")) == ["X", "X.A", "X.A.Speed", "X.B", "X.B.Speed"]


def test_references_between_declarations_are_between_their_nodes() -> None:
    """Those into the type go with it, those out of it stay, and those to what is not chosen are none (6.3.3.2)."""
    types = Types()
    types.nodes[node("outside")] = ObjectNode(name=node("outside"), browse_name=QualifiedName(URI, "outside"))
    types.type("T")
    types.child("T/A")
    types.child("T/B")
    types.child("T/C", rule=OPTIONAL)
    for target in ("T/B", "T/C", "outside"):
        types.refer("T/A", HAS_CAUSE, target)
    types.refer("T", HAS_CAUSE, "T/B")
    types.refer("T", HAS_CAUSE, "outside")
    made = types.make("T")
    assert [one for one in made["X"].references if one.type == HAS_CAUSE] == [Reference(HAS_CAUSE, own("X.B"))]
    assert {one.target for one in made["X.A"].references if one.type == HAS_CAUSE} == {own("X.B"), node("outside")}
    made = types.make("T", optional=["C"])
    targets = {one.target for one in made["X.A"].references if one.type == HAS_CAUSE}
    assert targets == {own("X.B"), own("X.C"), node("outside")}


def test_events_and_rules_stay_with_the_type() -> None:
    """GeneratesEvent is of types and declarations alone (7.15)."""
    types = Types()
    types.type("T", BASE_OBJECT, Reference(GENERATES_EVENT, BASE_OBJECT))
    types.child("T/M", MethodNode, Reference(GENERATES_EVENT, BASE_OBJECT))
    for record in types.make("T").values():
        assert not [one for one in record.references if one.type in (GENERATES_EVENT, HAS_RULE)]


def test_circles_end() -> None:
    """A declaration that refers back to one above it makes a circle of nodes."""
    types = Types()
    types.type("T")
    types.child("T/A")
    types.child("T/A/B")
    types.refer("T/A/B", ORGANIZES, "T/A")
    made = types.make("T")
    assert sorted(made) == ["X", "X.A", "X.A.B"]
    assert Reference(ORGANIZES, own("X.A")) in made["X.A.B"].references


def test_a_type_within_itself() -> None:
    """As deep as chosen; all chooses the first; without end it is refused."""
    types = Types()
    types.type("T")
    types.child("T/Sub", kind="T", rule=OPTIONAL)
    assert sorted(types.make("T", optional=["Sub/Sub"])) == ["X", "X.Sub", "X.Sub.Sub"]
    assert sorted(types.make("T", optional=["all"])) == ["X", "X.Sub"]
    types.type("E")
    types.child("E/Sub", kind="E")
    assert "without end" in types.problems("E")[0]


def test_interfaces_of_types_and_of_declarations() -> None:
    """Their members are added (4.10.2); what they demand is there whatever the type says."""
    types = Types()
    types.type("IBase", BASE_INTERFACE, abstract=True)
    types.child("IBase/Serial", VariableNode, reference=HAS_PROPERTY)
    types.type("IName", "IBase", abstract=True)
    types.child("IName/Name", VariableNode, rule=OPTIONAL)
    types.type("T", BASE_OBJECT, Reference(HAS_INTERFACE, node("IName")))
    types.child("T/Serial", VariableNode, rule=OPTIONAL, reference=HAS_PROPERTY)
    types.type("U", "T")
    types.child("U/Part", ObjectNode, Reference(HAS_INTERFACE, node("IBase")))
    made = types.make("U", optional=["Name"])
    assert sorted(made) == ["X", "X.Name", "X.Part", "X.Part.Serial", "X.Serial"]
    assert Reference(HAS_INTERFACE, node("IBase")) in made["X.Part"].references


def test_methods_are_copied_with_their_arguments() -> None:
    """Each instance has its own, to be bound and permitted by itself; it names its declaration."""
    types = Types()
    types.type("T")
    types.child("T/Start", MethodNode, executable=False)
    argument = Variant(BuiltInType.Int32, 1)
    types.child("T/Start/InputArguments", VariableNode, rule=None, reference=HAS_PROPERTY, value=argument)
    types.child("T/Halt", MethodNode, rule=OPTIONAL_PLACEHOLDER)
    types.child("T/Reset", MethodNode, rule=MANDATORY_PLACEHOLDER)
    made = types.make("T")
    assert sorted(made) == ["X", "X.Reset", "X.Start", "X.Start.InputArguments"]
    start, arguments = made["X.Start"], made["X.Start.InputArguments"]
    assert isinstance(start, MethodNode)
    assert (start.executable, start.method_declaration) == (False, node("T/Start"))
    assert isinstance(arguments, VariableNode)
    assert arguments.value == argument
    assert "X.Halt" in types.make("T", optional=["Halt"])


def test_values_and_attributes_are_those_of_the_nearest_declaration() -> None:
    """A declaration without a value has the one that it overrides, or its type's (6.2.7)."""
    types = Types()
    seven, eight = Variant(BuiltInType.Int32, 7), Variant(BuiltInType.Int32, 8)
    types.variable_type("V", value=seven, data_type=I(6))
    types.type("T")
    types.child("T/A", VariableNode, value=eight, data_type=I(6), access_level=3, minimum_sampling_interval=5.0)
    types.child("T/B", VariableNode, kind="V", data_type=I(6))
    types.child("T/C", VariableNode, kind="V", data_type=I(7))
    types.type("U", "T")
    types.child("U/A", VariableNode, data_type=I(6), access_level=1, array_dimensions=(2,))
    made = {name: one for name, one in types.make("U").items() if isinstance(one, VariableNode)}
    assert (made["X.A"].value, made["X.A"].access_level, made["X.A"].array_dimensions) == (eight, 1, (2,))
    assert (made["X.B"].value, made["X.C"].value) == (seven, None)
    root = types.make("V")["X"]
    assert isinstance(root, VariableNode)
    assert (root.value, root.data_type) == (seven, I(6))


def test_placeholders() -> None:
    """Each name is a child of its own, with children of its own; a mandatory one wants at least one (6.4.4.4.5)."""
    types = Types()
    types.type("Axis")
    types.child("Axis/Speed", VariableNode)
    types.type("T")
    types.child("T/Axes")
    types.child("T/Axes/<Axis>", kind="Axis", rule=MANDATORY_PLACEHOLDER)
    types.child("T/Axes/<Axis>/Limit", VariableNode)
    types.child("T/<Other>", rule=OPTIONAL_PLACEHOLDER, kind=FOLDER_TYPE)
    made = types.make("T", placeholders={"Axes/<Axis>": ["X1", "Y.2"]})
    assert sorted(made) == [
        "X",
        "X.Axes",
        *("X.Axes.X1", "X.Axes.X1.Limit", "X.Axes.X1.Speed"),
        *("X.Axes.Y%2E2", "X.Axes.Y%2E2.Limit", "X.Axes.Y%2E2.Speed"),
    ]
    assert made["X.Axes.X1"].browse_name == QualifiedName(OWN, "X1")
    assert made["X.Axes.X1"].display_name == (LocalizedText(None, "X1"),)
    assert "'Axes/<Axis>'" in types.problems("T")[0]
    twice = types.problems("T", placeholders={"Axes/<Axis>": ["A", "A"]})
    assert "the name 'A' twice" in twice[0]
    both = types.problems("T", placeholders={"Axes/<Axis>": ["A"], "<Other>": ["Axes"]}, namespace=URI)
    assert "'Axes' is there already" in both[0]


def test_abstract_members_take_the_type_that_is_chosen() -> None:
    """A mandatory one must be chosen; all leaves optional ones out; only subtypes will do."""
    types = Types()
    types.type("A", abstract=True)
    types.type("B", "A")
    types.child("B/More", VariableNode)
    types.type("T")
    types.child("T/P", kind="A")
    types.child("T/Q", kind="A", rule=OPTIONAL)
    assert sorted(types.make("T", types={"P": node("B")}, optional=["all"])) == ["X", "X.P", "X.P.More"]
    assert "types P: 'P' is of the type A, which is abstract" in types.problems("T")[0]
    assert "B (nsu=urn:types;s=B)" in types.problems("T")[0]
    assert "must be of the type A" in types.problems("T", types={"P": node("T")})[0]


def test_names_that_differ_in_their_namespace_alone() -> None:
    """The most basic type's is plain in the identifier, whatever is chosen; paths tell them by prefix."""
    types = Types()
    types.type("T")
    types.child("T/State", VariableNode, rule=OPTIONAL, namespace="urn:base")
    types.type("U", "T")
    types.child("U/State", VariableNode, rule=OPTIONAL, namespace="urn:more.of")
    assert sorted(types.make("U", optional=["all"])) == ["X", "X.State", "X.State@urn:more%2Eof"]
    assert sorted(types.make("U", optional=["more.of:State"])) == ["X", "X.State@urn:more%2Eof"]
    assert sorted(types.make("U", optional=["State"])) == ["X", "X.State"]
    assert sorted(types.make("U", optional=["base:State"])) == ["X", "X.State"]


def test_a_reference_of_a_subtype_replaces_the_one_it_overrides() -> None:
    """Of one kind the more special stays (6.3.3.3); others are added."""
    types = Types()
    types.type("T")
    types.child("T/A", reference=I(44))
    types.type("U", "T")
    types.child("U/A", reference=HAS_COMPONENT)
    types.type("W", "U")
    types.child("W/A", reference=ORGANIZES)
    upwards = [one.type for one in types.make("W")["X.A"].references if not one.forward]
    assert upwards == [ORGANIZES, HAS_COMPONENT]


def test_what_is_wrong_is_told_all_at_once_and_nothing_is_made() -> None:
    """Paths with the nearest, parents, references, names and NodeIds that are taken."""
    types = Types()
    types.type("T")
    types.child("T/Speed", VariableNode, rule=OPTIONAL)
    types.child("T/<P>", rule=OPTIONAL_PLACEHOLDER)
    found = types.problems("T", optional=["Sped", "<P>"], placeholders={"Speed": ["A"]}, parent=node("none"))
    assert found == [
        "parent : there is no node nsu=urn:types;s=none (correct it, or create that instance first)",
        "optional Sped: the type has no optional child 'Sped' (did you mean 'Speed'?)",
        (
            "optional <P>: '<P>' is a placeholder: it stands for children that get names of their own"
            " (write placeholders: {<P>: [names]})"
        ),
        "placeholders Speed: 'Speed' is no placeholder (write optional: [Speed])",
    ]
    assert "is no type of objects or variables" in types.problems("T/Speed")[0]
    assert "no reference that children hang on" in types.problems("T", reference=HAS_SUBTYPE)[0]
    instances = Instances(types.nodes)
    instances.create(wish("T"))
    with pytest.raises(InstanceError, match="has a child 'X' already"):
        instances.create(wish("T"))
    with pytest.raises(InstanceError, match="is that of another node"):
        instances.create(replace(wish("T"), browse_name=QualifiedName(OWN, "Y")))
    assert [record.name for record in instances.made] == [own("X")]
    assert len(instances.create(replace(wish("T"), identifier="X.Y", parent=own("X")))) == 1


def test_the_default_name_of_an_add_in() -> None:
    """DefaultInstanceBrowseName names an instance that has no name (4.10.3); it is no member of it."""
    types = Types()
    types.type("T")
    name = QualifiedName(URI, "Lock")
    value = Variant(BuiltInType.QualifiedName, name)
    types.child("T/DefaultInstanceBrowseName", VariableNode, rule=None, reference=HAS_PROPERTY, value=value)
    types.type("U", "T")
    made = types.make("U", browse_name=None)
    assert [record.browse_name for record in made.values()] == [name]
