"""The ``devices:`` section: each device's driver, settings and bindings, as far as they can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from asyncua import ua

from core.errors import Findings, InputError
from core.settings import Document, Row, Section, SettingError, build
from core.settings.partial import sound_part
from drivers import registry
from drivers.contract import BoundPoint, Capability, DeviceSettings, Manifest, TagOffer
from server.bindings import Binding, bindings_of_rows, read_bindings
from server.plan.instances import instance_paths
from server.type_bindings import expand_type_bindings


@dataclass(slots=True)
class PlannedDevice:
    """A device with everything its supervisor is made of."""

    name: str
    manifest: Manifest
    settings: DeviceSettings
    section: Section
    node: ua.NodeId | None = None
    points: list[BoundPoint] = field(default_factory=list[BoundPoint])
    methods: dict[ua.NodeId, BoundPoint] = field(default_factory=dict[ua.NodeId, BoundPoint])
    """Methods of the model that are bound: calling one writes true to its address."""


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """What could be read of a device's section; what is wrong is told.

    ``manifest`` is None without a known driver. ``settings`` raise AttributeError for keys that are wrong, unless
    ``sound``. ``complete``: all of its tags are known.
    """

    name: str
    section: Section
    manifest: Manifest | None
    settings: DeviceSettings | None
    bindings: list[Binding]
    offers: list[TagOffer]
    sound: bool
    complete: bool

    @property
    def scan(self) -> float:
        """Seconds between two scans of points that say nothing else."""
        return cast("float", getattr(self.settings, "scan", 1.0))

    @property
    def clamps(self) -> bool:
        """Tell whether values beyond their limits are clamped."""
        return getattr(self.settings, "limits", "bad") == "clamp"

    @property
    def history(self) -> bool:
        """Tell whether the history of all points is kept."""
        return bool(getattr(self.settings, "history", False))

    def can(self, capability: Capability) -> bool:
        """Tell whether the driver can do something; an unknown driver is taken to."""
        return self.manifest is None or capability in self.manifest.capabilities

    def pace(self, scan: float) -> float:
        """Give seconds between two values: ``scan`` where the driver is polled, 0 where they come by themselves."""
        return scan if self.can(Capability.POLLED) else 0.0


def read_devices(document: Document, instead: Mapping[str, Sequence[Row]], findings: Findings) -> list[DeviceReading]:
    """Read the ``devices:`` section. ``instead``: rows that stand in for those of a device's table, by its name."""
    sections = document.members("devices", findings)
    paths = instance_paths(document)
    return [_read_device(name, section, instead.get(name), paths, findings) for name, section in sections.items()]


def _read_device(
    name: str, section: Section, instead: Sequence[Row] | None, instances: Mapping[str, str], findings: Findings
) -> DeviceReading:
    named = "/" not in name and bool(name.strip())
    if not named:
        mend = "use letters, digits, '-' and '_'"
        findings.add(section.place((), key=True), f"the device name {name!r} does not fit into a browse path", mend)
    manifest = _driver(name, section, findings)
    given = instead is not None
    rows = bindings_of_rows(name, instead, findings) if given else read_bindings(name, section, findings)
    expanded = expand_type_bindings(section, instances, findings)
    more = bindings_of_rows(name, expanded.rows, findings, sound=expanded.complete)
    bindings, all_read = [*rows.bindings, *more.bindings], rows.complete and more.complete
    if manifest is None:
        complete = all_read and bool(bindings)
        return DeviceReading(name, section, None, None, bindings, [], sound=False, complete=complete)
    settings = build(manifest.settings, section, findings)
    known = settings or sound_part(manifest.settings, section)
    offers = _offers(manifest, known, section, findings, sound=settings is not None)
    if not bindings and offers == [] and "bindings" not in section and "type_bindings" not in section:
        mend = "add bindings: a CSV file or a list"
        findings.add(section.place((), key=True), f"the device '{name}' has no bindings", mend)
    complete = all_read and (bool(bindings) or offers is not None)
    sound = named and settings is not None
    return DeviceReading(name, section, manifest, known, bindings, offers or [], sound, complete)


def _driver(name: str, section: Section, findings: Findings) -> Manifest | None:
    word = section.data.get("driver") if isinstance(section.data, dict) else None
    if not isinstance(word, str):
        mend = f"add driver: one of {', '.join(registry.names())}"
        findings.add(section.place(("driver",)), f"the device '{name}' names no driver", mend)
        return None
    try:
        return registry.manifest(word)
    except SettingError as error:
        findings.add(section.place(("driver",)), error.problem, error.mend)
        return None


def _offers(
    manifest: Manifest, settings: DeviceSettings | None, section: Section, findings: Findings, *, sound: bool
) -> list[TagOffer] | None:
    """Ask the driver which tags the settings describe; None where they, or what they name, are wrong."""
    if settings is None:
        return None
    try:
        return manifest.discover(settings, section.base)
    except InputError as error:
        findings.extend(error.findings)
    except AttributeError:
        if sound:
            raise
        # The driver asked for a key that is wrong: what depends on it cannot be said before it is mended.
    return None
