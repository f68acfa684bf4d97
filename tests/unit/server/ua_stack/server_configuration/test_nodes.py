"""Nodes that the published file lacks, in standards older than ours and while the model changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs.making import Application
from certs.own import OwnCertificates
from certs.store import TrustStore
from nodesets.nodes import NodeClass
from server.address_space.node import Flag
from server.address_space.space import AddressSpace
from server.ua_stack.server_configuration.binding import Description, bind_server_configuration
from server.ua_stack.server_configuration.nodes import CONFIGURATION
from tests.unit.server.model_change.line import lines
from tests.unit.server.ua_stack.server_configuration.configured import APPLICATION_LIST, URI, Configured


async def _nothing(_: object) -> None:
    pass


def _bind(space: AddressSpace, folder: Path) -> None:
    own = OwnCertificates(folder, Application(URI, "line-1", (), ()))
    bind_server_configuration(
        space,
        own,
        TrustStore(folder),
        TrustStore(folder / "users"),
        Description("urn:product"),
        on_applied=_nothing,
        hang_up=lambda: None,
        on_change=lambda _record, _session: None,
    )


def test_what_the_object_lacks_is_made_as_its_type_has_it(configured: Configured) -> None:
    made = configured.find(CONFIGURATION, "GetCertificates")
    node = configured.space[made]
    assert (made, node.node_class, node.flags) == (
        (1, "ServerConfiguration.GetCertificates"),
        NodeClass.METHOD,
        Flag.EXECUTABLE,
    )
    (argument,) = configured.value(made, "InputArguments")
    assert argument.Name == "CertificateGroupId"
    assert [one.Name for one in configured.value(made, "OutputArguments")] == ["CertificateTypeIds", "Certificates"]
    timeout = configured.find(APPLICATION_LIST, "ActivityTimeout")
    assert timeout == (1, "ServerConfiguration.CertificateGroups.DefaultApplicationGroup.TrustList.ActivityTimeout")
    access = configured.space[timeout].access
    assert access is not None
    assert [one.role for one in access.role_permissions or ()] == [15704]


def test_a_store_that_lies_elsewhere_is_refused(configured: Configured, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not lie in"):
        bind_server_configuration(
            configured.space,
            configured.own,
            TrustStore(tmp_path / "elsewhere"),
            None,
            Description("urn:product"),
            on_applied=_nothing,
            hang_up=lambda: None,
            on_change=lambda _record, _session: None,
        )


def test_an_older_standard_is_answered_as_far_as_it_goes(tmp_path: Path) -> None:
    _bind(AddressSpace(), tmp_path)
    older = Configured(tmp_path / "made").space
    for name in ("CancelChanges", "GetCertificates", "TransactionDiagnostics", "ApplicationUri"):
        for owner in (CONFIGURATION, 12581):
            gone = [key for _, key in older[owner].forward if older[key].browse_name.name == name]
            older.remove_all(gone)
    _bind(older, tmp_path)
    names = {older[key].browse_name.name for _, key in older[CONFIGURATION].forward}
    assert "ApplyChanges" in names
    assert not names & {"CancelChanges", "GetCertificates", "TransactionDiagnostics", "ApplicationUri"}


async def test_the_model_can_be_read_again(tmp_path: Path) -> None:
    async with lines(tmp_path) as line:
        _bind(line.space, tmp_path / "certs")
        before = line.told()
        report = await line.becomes()
        assert not report.findings
        assert line.told() == before
