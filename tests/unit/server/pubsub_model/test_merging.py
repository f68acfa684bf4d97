"""The configuration and what methods have added to it, read as one; what is wrong is told where it stands."""

from __future__ import annotations

from pathlib import Path

from core.errors import Findings
from core.settings import Document
from server.pubsub_model.planning import read_configured
from tests.unit.server.plan.line import lay_down, planned, told

CONFIG = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
  connections:
    plant:
      broker: mqtt://127.0.0.1:18831
      datasets:
        meters: {nodes: [/Objects/Line/Temperature], description: warm}
"""
ADDED = """\
connections:
  plant:
    groups: {fast: {publish: 100ms, json: {network: [NetworkMessageHeader]}}}
    datasets:
      again: {dataset: meters, group: fast, keyframe: 3, json: {form: compact}}
"""


def _merged(added: str) -> str:
    """Put both together; tells the one thing that is wrong."""
    findings = Findings()
    document = Document.parse(Path("plant.yaml"), CONFIG, findings)
    assert document is not None
    read_configured(document, Path("pubsub.yaml"), added, findings).merged(findings)
    (finding,) = findings.items
    return str(finding)


async def test_both_are_one(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "pubsub.yaml").write_text(ADDED, encoding="utf-8")
    async with planned(tmp_path, CONFIG) as plan:
        assert plan.pubsub is not None
        connection = plan.pubsub.connections["plant"]
        assert list(connection.fields) == ["meters", "again"]
        again = connection.settings.datasets["again"]
        assert (again.publish, again.group, again.keyframe, again.description) == (0.1, "fast", 3, "warm")
        assert (again.json_.form, again.json_.network) == ("compact", ["NetworkMessageHeader"])


def test_what_stands_twice_or_nowhere_is_told_at_its_place() -> None:
    mend = "rename it there, or delete it here, in pubsub.yaml"
    twice = f"stands in the configuration too ({mend})"
    wrong = _merged(ADDED.replace("again:", "meters:"))
    assert wrong == f"pubsub.yaml:5:7: the dataset meters of the connection plant {twice}"
    wrong = _merged(ADDED.replace("  plant:\n", "  plant:\n    broker: mqtt://b\n"))
    assert wrong == f"pubsub.yaml:2:3: the connection plant {twice}"
    wrong = _merged(ADDED.replace("dataset: meters", "dataset: nothing"))
    assert wrong == "pubsub.yaml:5:24: there is no dataset nothing (datasets here: none)"
    wrong = _merged("conections: {}\n")
    assert wrong == "pubsub.yaml:1:1: unknown key 'conections' (valid keys: connections, datasets, folders)"


async def test_the_checks_are_those_of_the_configuration(tmp_path: Path) -> None:
    added = ADDED.replace("keyframe: 3", "keyframe: 0") + "datasets:\n  lost: {nodes: [/Objects/Line/Gone]}\n"
    lay_down(tmp_path, CONFIG)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "pubsub.yaml").write_text(added, encoding="utf-8")
    lost, keyframe = sorted(await told(tmp_path, CONFIG), key=lambda one: "keyframe" in one)
    assert lost.startswith("var/pubsub.yaml:7:18: /Objects/Line has no child 'Gone'")
    assert keyframe.startswith("var/pubsub.yaml:5:55: 'pubsub.connections.plant.datasets.again.keyframe' must be")
