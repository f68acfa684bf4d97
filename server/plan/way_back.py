"""Nodes that a connection's ``commands:`` and ``subscribed:`` name: what is written by MQTT has to be there."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, cast

from core.errors import Findings, Place
from core.settings import Section
from core.settings.partial import texts_of
from server.address_space.keys import key_of
from server.plan.point_names import PointNames
from server.pubsub.commands.nodes import NODE_FORMS, Nodes
from server.ua_stack.browse import Directory

_SIGNS: Final = "*?["
_SERVER: Final = "/Objects/Server"


def check_way_back(section: Section, names: PointNames, directory: Directory, findings: Findings) -> None:
    """Tell of names that lead nowhere. ``section``: of the connection."""
    if "commands" in section:
        for text, place in texts_of(section.section(("commands",)), "allow"):
            _check_allowed(text, place, names, directory, findings)
    for one in section.members("subscribed", Findings()).values():
        if "fields" in one:
            _check_fields(one.section(("fields",)), names, directory, findings)


def _check_allowed(text: str, place: Place, names: PointNames, directory: Directory, findings: Findings) -> None:
    if not text.startswith(("nsu=", "/", "i=")):
        return  # the settings have told it
    if not (text.startswith("/") and any(sign in text for sign in _SIGNS)):
        names.node(text, place)
    elif not _matches(text, directory) and not names.explains(text):
        mend = "patterns are browse paths with *, such as /Objects/Line1/*"
        findings.add(place, f"no node matches {text}, so it allows nothing", mend)


def _matches(pattern: str, directory: Directory) -> bool:
    """Tell whether a pattern allows any node, by whichever of its paths. What is beneath Server is not looked at."""
    begin = pattern[: min(pattern.index(sign) for sign in _SIGNS if sign in pattern)]
    if begin.startswith(_SERVER) or _SERVER.startswith(begin):
        return True
    if any(fnmatchcase(one.path, pattern) for one in directory.instances.values()):
        return True
    nodes = Nodes(directory.space, directory, (pattern,))
    return any(nodes.is_allowed(key_of(nodeid)) for nodeid in directory.instances)


def _check_fields(section: Section, names: PointNames, directory: Directory, findings: Findings) -> None:
    if not isinstance(section.data, dict):
        return
    written: dict[object, str] = {}
    for name, text in cast("dict[str, object]", section.data).items():
        if not isinstance(text, str):
            continue
        place = section.place((name,))
        if not text.startswith(NODE_FORMS):
            findings.add(place, f"{text!r} names no node", "write nsu=<uri>;s=… or a browse path from /Objects")
            continue
        nodeid = names.node(text, place)
        if nodeid is None:
            continue
        if not directory.is_variable(nodeid):
            findings.add(place, f"{text} is no variable", "name the variable that the field is written to")
        elif nodeid in written:
            problem = f"the fields {written[nodeid]} and {name} are written to the same variable"
            findings.add(place, problem, "give each field a variable of its own")
        else:
            written[nodeid] = name
