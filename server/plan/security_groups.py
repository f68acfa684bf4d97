"""SecurityGroups that several places name: one that they say differently would have new keys at each start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.errors import Findings
from core.settings import Section
from server.pubsub.settings import ConnectionSettings
from server.pubsub.uadp.settings import UadpSecuritySettings


def check_security_groups(
    settings: Mapping[str, ConnectionSettings], sections: Mapping[str, Section], findings: Findings
) -> None:
    """Tell of groups that are not the same wherever they are named, whether keys are sent or read with there."""
    first: dict[str, tuple[str, UadpSecuritySettings]] = {}
    for name, one in settings.items():
        for path, named in _named(one):
            where, known = first.setdefault(named.group, (" ".join((name, *path[:2])), named))
            if known.keys_told != named.keys_told:
                problem = f"the SecurityGroup {named.group} has other keys here than at {where}"
                place = sections[name].place((*path, "security"), key=True)
                findings.add(place, problem, "write the same policy, keys and lifetimes, or name another group")


def _named(settings: ConnectionSettings) -> Iterator[tuple[tuple[str, ...], UadpSecuritySettings]]:
    for kind, given in (("datasets", settings.datasets), ("events", settings.events), ("logs", settings.logs)):
        for name, sent in given.items():
            if sent.uadp.security is not None and settings.encoding == "uadp":
                yield (kind, name, "uadp"), sent.uadp.security
    for name, read in settings.subscribed.items():
        if read.security is not None:
            yield ("subscribed", name), read.security
