from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.exporting.export import ExportError, export_of, standard_aliases
from nodesets.model import read_model
from nodesets.names import NodeName
from nodesets.resolver import resolve

_FILE = """\
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
  <NamespaceUris><Uri>urn:plant</Uri></NamespaceUris>
  <Models><Model ModelUri="urn:plant" Version="1.0"><RolePermissions>{role}</RolePermissions></Model></Models>
  <Aliases><Alias Alias="Watcher">ns=1;i=5</Alias></Aliases>
</UANodeSet>
"""


def _laid_down(folder: Path, role: str) -> Path:
    file = folder / "plant.xml"
    file.write_text(_FILE.format(role=f'<RolePermission Permissions="1">{role}</RolePermission>'), encoding="utf-8")
    return file


def test_a_role_may_be_an_alias_of_the_file(tmp_path: Path) -> None:
    model = read_model(resolve([_laid_down(tmp_path, "Watcher")]))
    (entry,) = export_of(model, "urn:plant").models
    assert [one.role for one in entry.role_permissions] == [NodeName("urn:plant", "i", 5)]


def test_a_role_that_is_no_node_is_an_error(tmp_path: Path) -> None:
    model = read_model(resolve([_laid_down(tmp_path, "Nobody")]))
    with pytest.raises(ExportError, match="RolePermission"):
        export_of(model, "urn:plant")


def test_a_model_that_was_not_read_is_an_error() -> None:
    with pytest.raises(ExportError, match="no model urn:nowhere"):
        export_of(read_model(resolve([])), "urn:nowhere")


def test_aliases_are_the_standard_types_and_no_two_nodes_share_one() -> None:
    aliases = standard_aliases(read_model(resolve([])).nodes.values())
    assert aliases[NodeName.standard(47)] == "HasComponent"
    assert aliases[NodeName.standard(11)] == "Double"
    assert NodeName.standard(58) not in aliases
    assert len(set(aliases.values())) == len(aliases)
