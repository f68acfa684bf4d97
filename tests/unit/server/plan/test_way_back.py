"""What `commands:` and `subscribed:` name has to be there."""

from __future__ import annotations

from pathlib import Path

from tests.unit.server.plan.line import planned, told

HEAD = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
  broker: mqtt://127.0.0.1:18831
"""


async def test_names_that_lead_nowhere_are_told_at_their_places(tmp_path: Path) -> None:
    config = (
        HEAD
        + """\
  commands: {user: ann, allow: [/Objects/Line9/*, "nsu=urn:test:line;s=Setpiont", /Objects/Line/*]}
  subscribed:
    boiler:
      topic: a/b
      user: ann
      fields: {A: /Objects/Line/Setpiont, B: Setpoint, C: /Objects/Line, D: /Objects/Line/Setpoint,
        E: "nsu=urn:test:line;s=Setpoint"}
"""
    )
    assert await told(tmp_path, config) == [
        (
            "plant.yaml:5:33: no node matches /Objects/Line9/*, so it allows nothing "
            "(patterns are browse paths with *, such as /Objects/Line1/*)"
        ),
        (
            "plant.yaml:5:51: the model has no node nsu=urn:test:line;s=Setpiont "
            "(look it up in the NodeSet, or write its browse path /Objects/…)"
        ),
        "plant.yaml:10:19: /Objects/Line has no child 'Setpiont' (did you mean Setpoint?)",
        "plant.yaml:10:46: 'Setpoint' names no node (write nsu=<uri>;s=… or a browse path from /Objects)",
        "plant.yaml:10:59: /Objects/Line is no variable (name the variable that the field is written to)",
        "plant.yaml:11:12: the fields D and E are written to the same variable (give each field a variable of its own)",
    ]


async def test_objects_methods_and_the_server_may_be_allowed(tmp_path: Path) -> None:
    allow = "[/Objects/Line, /Objects/Line/Sta*, /Objects/Server*, '/Objects/*', i=2253]"
    async with planned(tmp_path, f"{HEAD}  commands: {{user: ann, allow: {allow}}}\n") as plan:
        assert plan.pubsub is not None
