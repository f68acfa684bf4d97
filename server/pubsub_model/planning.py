"""From what is configured to what is published: the same reading and the same checks for the start and for a method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import Findings
from core.settings import Document, Section, build
from core.settings.files import bytes_of
from core.settings.nodes import Mark, Node
from server.configuration import ServerSettings
from server.pubsub.settings import CONNECTIONS, ConnectionSettings
from server.pubsub_model.merging import PUBLISHED, merged
from server.pubsub_model.overlay import OVERLAY_FILE, Overlay, overlay_of
from server.pubsub_model.yaml_text import yaml_text

if TYPE_CHECKING:  # it imports this, to read the overlay at the start
    from server.plan.datasets import PlannedConnection, PlannedPubSub

_LARGEST_MIB: Final = 4
LARGEST: Final = _LARGEST_MIB << 20
"""Bytes of the file that is read at the start."""
_HEAD: Final = (
    "# What OPC UA clients have configured by Server/PublishSubscribe, in the words of the configuration's pubsub:.\n"
    "# It is read after the configuration. The gateway writes this file anew with each change.\n"
)


@dataclass(frozen=True, slots=True)
class Configured:
    """The configuration as it was read at the start, and what methods have added. ``document`` is without the latter.

    ``written``: the overlay as it stands in its file, or would.
    """

    document: Document
    overlay: Overlay
    written: Section

    def merged(self, findings: Findings) -> Document:
        """Give both as one document, disabled parts and all. What stands in both becomes findings."""
        return merged(self.document, self.overlay, self.written, findings)

    def idle(self, findings: Findings) -> dict[str, ConnectionSettings]:
        """Give the settings of connections that publish nothing yet; what is wrong with them becomes findings."""
        found: dict[str, ConnectionSettings] = {}
        for name, connection in self.overlay.connections.items():
            if connection.words and not connection.writers:
                settings = _idle(self.written.section((CONNECTIONS, name)), findings)
                if settings is not None:
                    found[name] = settings
        return found

    @property
    def paused(self) -> list[str]:
        """The connections that may be there and not run: disabled, or with nothing to publish. What waits stays."""
        return list(self.overlay.connections)

    def changed(self, overlay: Overlay, findings: Findings) -> Configured:
        """Give the same with another overlay, read from the text that would be its file's."""
        return read_configured(self.document, self.written.file, text_of(overlay), findings)


def text_of(overlay: Overlay) -> str:
    """Write an overlay as its file has it."""
    return _HEAD + yaml_text(overlay.plain())


def overlay_file(document: Document) -> Path:
    """Give where the file is; there need not be one."""
    server = document.data.get("server") if isinstance(document.data, dict) else None
    written = server.get("data_dir") if isinstance(server, dict) else None
    data_dir = written if isinstance(written, str) and "\0" not in written else ServerSettings().data_dir
    return document.base / data_dir / OVERLAY_FILE


def read_overlay(document: Document, findings: Findings) -> Configured:
    """Read the file in the data folder of a configuration. Blocks on it. What is wrong becomes findings."""
    file = overlay_file(document)
    mend = "publish by patterns instead of single nodes"
    raw = bytes_of(file, _LARGEST_MIB, mend, findings) if file.exists() else b""
    return read_configured(document, file, (raw or b"").decode("utf-8", "replace"), findings)


def read_configured(document: Document, file: Path, text: str, findings: Findings) -> Configured:
    """Take ``text`` as the content of the overlay's file."""
    written = Document.parse(file, text, findings) or Document(file, (), Node({}, Mark(1, 1)), Mark(1, 1))
    return Configured(document, overlay_of(written, findings), written)


def _idle(section: Section, findings: Findings) -> ConnectionSettings | None:
    """Check a connection that publishes nothing yet, as it will be checked once it does."""
    mark = section.node.mark
    made = Node({}, mark)
    for key, node in section.node.members.items():
        if key not in ("enabled", "groups", "datasets"):
            made.put(key, section.node.keys[key], node)
    nodes = Node([], mark)
    nodes.append(Node("i=2258", mark))
    dataset, datasets = Node({}, mark), Node({}, mark)
    dataset.put("nodes", mark, nodes)
    datasets.put("idle", mark, dataset)
    made.put("datasets", mark, datasets)
    settings = build(ConnectionSettings, Section(section.file, section.path, made, mark), findings)
    return None if settings is None else settings.model_copy(update={"datasets": {}})


def enabled_part(planned: PlannedPubSub | None, overlay: Overlay) -> PlannedPubSub | None:
    """Give of the plan of :meth:`Configured.merged` what is to run; None for nothing."""
    if planned is None or overlay.is_empty:
        return planned
    kept: dict[str, PlannedConnection] = {}
    for name, one in planned.connections.items():
        added = overlay.connections.get(name)
        if name == PUBLISHED or (added is not None and not added.enabled):
            continue
        disabled = frozenset(added.disabled()) if added is not None else frozenset[str]()
        kept[name] = one.without(disabled) if disabled else one
    kept = {name: one for name, one in kept.items() if one.settings.published or name not in overlay.connections}
    return replace(planned, connections=kept) if kept else None
