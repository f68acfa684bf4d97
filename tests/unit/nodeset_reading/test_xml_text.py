from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.nodeset_reading import canonical_xml


def canonical(text: str) -> str:
    return canonical_xml(ET.fromstring(text))  # noqa: S314  the test's own text


def test_prefixes_order_and_indentation_do_not_matter() -> None:
    one = """<a:r xmlns:a="urn:a" xmlns:b="urn:b" z="1" b:y="&lt;&quot;">
      <b:c/>
      <d> t &amp; u </d></a:r>"""
    other = """<r xmlns="urn:a" xmlns:q="urn:b" q:y='&lt;"' z="1"><q:c></q:c><d xmlns=""> t &amp; u </d></r>"""
    assert canonical(one) == canonical(other)
    assert canonical(canonical(one)) == canonical(one)


def test_texts_names_and_namespaces_do_matter() -> None:
    texts = [
        "<a>1</a>",
        "<a> 1</a>",
        "<b>1</b>",
        '<a xmlns="urn:x">1</a>',
        '<a x="1">1</a>',
        "<a><b/>1</a>",
        "<a> </a>",
    ]
    assert len({canonical(text) for text in texts}) == len(texts)
