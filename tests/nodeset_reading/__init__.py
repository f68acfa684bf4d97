"""A second reading of UANodeSet files, kept apart from the product's loader so that the two can be compared.

Slow and plain on purpose: the standard library's ElementTree, dictionaries and dataclasses, written from
Part 6 v1.05 Annex F and clause 5.3 and nothing else. Nothing here imports the product.

    content = read_file(path)                      # one file, no namespace index left in it
    library = load_library()                       # the published companion sets, by ModelUri
    contents = read_closure(library, model_uri)    # what it requires first, itself last
    decoded = decode_values(contents)              # Values by the definitions of the whole closure

Canonical forms:
NodeId, ExpandedNodeId  `nsu=URI;i=5` (also s, g in lower case, b in base64); ';' and '%' of the URI percent-encoded;
                        the null NodeId is `nsu=http://opcfoundation.org/UA/;i=0`; another server is `svr=URI;nsu=...`
QualifiedName           (uri, name), name None when null
LocalizedText           (locale, text), each None when its element is missing
DateTime                100 ns ticks since 1601-01-01 UTC; 0 is the null date, 2**63-1 the latest
Guid, ByteString        lower-case text; bytes or None
XmlElement              canonical XML (`canonical_xml`) or None
Variant                 {'builtin': name, 'value': v}; an array's v is a list, a Matrix has 'dimensions' and a flat list
structure               {'type': NodeId of the DataType, 'fields': {name: value}}, inherited fields first,
                        an absent optional field and an unselected union field left out
what no rule decodes    {'type': NodeId or None, 'xml': canonical XML}, and a line in `problems`
"""

from __future__ import annotations

from tests.nodeset_reading.comparing import same
from tests.nodeset_reading.library import (
    LibraryMissingError,
    PublishedFile,
    closure,
    load_library,
    read_closure,
    read_published,
)
from tests.nodeset_reading.nodes import read_file
from tests.nodeset_reading.records import (
    DataTypeDefinition,
    DataTypeField,
    FileContent,
    Model,
    Node,
    Problem,
    Reference,
    Tree,
)
from tests.nodeset_reading.values import DecodedValues, decode_values
from tests.nodeset_reading.xml_text import canonical_xml

__all__ = [
    "DataTypeDefinition",
    "DataTypeField",
    "DecodedValues",
    "FileContent",
    "LibraryMissingError",
    "Model",
    "Node",
    "Problem",
    "PublishedFile",
    "Reference",
    "Tree",
    "canonical_xml",
    "closure",
    "decode_values",
    "load_library",
    "read_closure",
    "read_file",
    "read_published",
    "same",
]
