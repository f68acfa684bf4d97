"""The methods of DataSetFolderType and PublishedDataItemsType (Part 14 v1.05 9.1.4)."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.settings import Plain
from server.address_space.keys import key_of, nodeid_of
from server.plan import Plan
from server.pubsub_model import names
from server.pubsub_model.answering import Answer
from server.pubsub_model.arguments import name_of, structure, text_of
from server.pubsub_model.configuration import PubSubConfiguration
from server.pubsub_model.event_arguments import event_words
from server.pubsub_model.metadata import version_of
from server.pubsub_model.overlay import EVENTS, Overlay, OverlayDataSet, Words
from server.pubsub_model.planner import Planned
from server.pubsub_model.published_variables import AskedVariable, variables_of
from server.pubsub_model.refusal import PubSubRefused
from server.pubsub_model.shown import Shown

_kinds = ua.VariantType
_INVALID: Final = StatusCodes.BadInvalidArgument
_GOOD: Final = 0


class DataSetMethods:
    """Answers them. ``show`` gives what there is; ``namespace``: the index of the objects' NodeIds."""

    def __init__(
        self, plan: Plan, configuration: PubSubConfiguration, show: Callable[[], Shown], namespace: int
    ) -> None:
        """Change ``configuration``."""
        self._plan = plan
        self._configuration = configuration
        self._show = show
        self._namespace = namespace

    async def add_data_items(
        self, folder: str, name: object, aliases: object, flags: object, variables: object
    ) -> Answer:
        """Answer AddPublishedDataItems (9.1.4.5.2)."""
        asked = variables_of(_list(variables), self._plan)
        called = _aliases(aliases, asked)
        _no_flags(flags)
        added, own = await self._add(folder, name, asked, called, "")
        return [self._nodeid(names.dataset_path(added)), self._version(added), own]

    async def add_data_items_template(self, folder: str, name: object, metadata: object, variables: object) -> Answer:
        """Answer AddPublishedDataItemsTemplate (9.1.4.5.3): the fields are called as the template says."""
        described = structure(metadata, ua.DataSetMetaDataType, "DataSetMetaData")
        asked = variables_of(_list(variables), self._plan)
        called = _aliases([field.Name for field in described.Fields or []], asked)
        text = text_of(getattr(described.Description, "Text", ""), "Description")
        added, own = await self._add(folder, name, asked, called, text)
        return [self._nodeid(names.dataset_path(added)), own]

    async def add_events(
        self, folder: str, name: object, notifier: object, aliases: object, flags: object, fields: object, where: object
    ) -> Answer:
        """Answer AddPublishedEvents (9.1.4.5.4)."""
        wanted = name_of(name, "the dataset")
        _no_flags(flags)
        if any(text_of(one, "FieldNameAliases") for one in _list(aliases)):
            raise PubSubRefused(_INVALID, "fields of events have their own names", "leave FieldNameAliases empty")
        words = event_words(notifier, fields, where, self._plan)

        def edit(overlay: Overlay, _: Planned) -> None:
            self._check_name(folder, wanted, overlay)
            overlay.datasets[wanted] = OverlayDataSet({EVENTS: words}, folder)

        await self._configuration.change(edit)
        return [self._version(wanted), self._nodeid(names.dataset_path(wanted))]

    async def remove(self, dataset: object) -> Answer:
        """Answer RemovePublishedDataSet (9.1.4.5.6); the DataSetWriters of it go too."""
        name = names.dataset_of(key_of(cast("ua.NodeId", dataset)), self._namespace)

        def edit(overlay: Overlay, _: Planned) -> None:
            shown = self._show().datasets.get(name or "")
            if shown is None or name is None:
                raise PubSubRefused(StatusCodes.BadNodeIdUnknown, "there is no such dataset")
            if not shown.is_own:
                raise written_elsewhere(what=f"the dataset {name}")
            for connection, writer in list(overlay.writers_of(name)):
                del overlay.connections[connection].writers[writer]
            del overlay.datasets[name]

        await self._configuration.change(edit)
        return []

    async def add_folder(self, above: str, name: object) -> Answer:
        """Answer AddDataSetFolder (9.1.4.5.7)."""
        called = name_of(name, "the folder")
        path = f"{above}/{called}" if above else called

        def edit(overlay: Overlay, _: Planned) -> None:
            self._check_name(above, called, overlay)
            overlay.folders.append(path)

        await self._configuration.change(edit)
        return [self._nodeid(names.folder_path(path))]

    async def remove_folder(self, folder: object) -> Answer:
        """Answer RemoveDataSetFolder (9.1.4.5.8): all that is in it goes too, with its writers."""
        path = names.folder_of(key_of(cast("ua.NodeId", folder)), self._namespace)

        def edit(overlay: Overlay, _: Planned) -> None:
            if path is None or path not in overlay.folders:
                raise PubSubRefused(StatusCodes.BadNodeIdUnknown, "there is no such folder")
            for name, dataset in list(overlay.datasets.items()):
                if dataset.folder == path or dataset.folder.startswith(f"{path}/"):
                    for connection, writer in list(overlay.writers_of(name)):
                        del overlay.connections[connection].writers[writer]
                    del overlay.datasets[name]
            overlay.folders[:] = [one for one in overlay.folders if one != path and not one.startswith(f"{path}/")]

        await self._configuration.change(edit)
        return []

    async def add_variables(
        self, dataset: str, version: object, aliases: object, flags: object, variables: object
    ) -> Answer:
        """Answer AddVariables (9.1.4.3.2). ``version``: of the dataset as the client knows it."""
        given = _list(variables)
        if not given:
            raise PubSubRefused(StatusCodes.BadNothingToDo, "there are no variables to add")
        asked = variables_of(given, self._plan)
        called = _aliases(aliases, asked)
        _no_flags(flags)
        results: list[int] = []

        def edit(overlay: Overlay, planned: Planned) -> None:
            own = self._to_change(dataset, version, overlay, planned)
            held = cast("list[Plain]", own.words.setdefault("nodes", []))
            judged = [
                one if one.node not in held else one._replace(status=StatusCodes.BadDuplicateReferenceNotAllowed)
                for one in asked
            ]
            results[:] = [one.status for one in judged]
            _put(own.words, judged, called)

        await self._configuration.change(edit)
        return [self._version(dataset), _statuses(results)]

    async def remove_variables(self, dataset: str, version: object, places: object) -> Answer:
        """Answer RemoveVariables (9.1.4.3.3). ``places``: in PublishedData."""
        given = [int(cast("int", one)) for one in _list(places)]
        if not given:
            raise PubSubRefused(StatusCodes.BadNothingToDo, "there are no variables to remove")
        results: list[int] = []

        def edit(overlay: Overlay, planned: Planned) -> None:
            own = self._to_change(dataset, version, overlay, planned)
            held = cast("list[Plain]", own.words.get("nodes", []))
            fields = self._show().datasets[dataset].fields
            known = [fields[place].node if place < len(fields) else None for place in given]
            results[:] = [_GOOD if node in held else _INVALID for node in known]
            gone = {node for node in known if node in held}
            own.words["nodes"] = [node for node in held if node not in gone]
            aliases = own.words.get("aliases")
            if isinstance(aliases, dict):
                own.words["aliases"] = {node: name for node, name in aliases.items() if node not in gone}

        await self._configuration.change(edit)
        return [self._version(dataset), _statuses(results)]

    async def _add(
        self, folder: str, name: object, asked: Sequence[AskedVariable], called: Sequence[str], description: str
    ) -> tuple[str, ua.Variant]:
        wanted = name_of(name, "the dataset")
        if all(one.status for one in asked):
            problem = "none of the variables can be published"
            raise PubSubRefused(_INVALID, problem, "name variables whose values change, by their Value attribute")

        def edit(overlay: Overlay, _: Planned) -> None:
            self._check_name(folder, wanted, overlay)
            words: Words = {"description": description} if description else {}
            _put(words, asked, called)
            overlay.datasets[wanted] = OverlayDataSet(words, folder)

        await self._configuration.change(edit)
        return wanted, _statuses([one.status for one in asked])

    def _check_name(self, folder: str, name: str, overlay: Overlay) -> None:
        path = f"{folder}/{name}" if folder else name
        shown = self._show()
        if folder and folder not in overlay.folders:
            raise PubSubRefused(StatusCodes.BadNodeIdUnknown, f"there is no folder {folder}")
        # A dataset's name is known to DataSetWriters, which do not ask for its folder.
        if name in shown.datasets or path in overlay.folders:
            raise PubSubRefused(StatusCodes.BadBrowseNameDuplicated, f"there is a dataset or a folder {name} already")

    def _to_change(self, dataset: str, version: object, overlay: Overlay, planned: Planned) -> OverlayDataSet:
        del planned
        shown = self._show().datasets.get(dataset)
        if shown is None:
            raise PubSubRefused(StatusCodes.BadNodeIdUnknown, f"there is no dataset {dataset}")
        if not shown.is_own:
            raise PubSubRefused(
                StatusCodes.BadNotWritable, f"the dataset {dataset} stands in the configuration", "change it there"
            )
        asked = structure(version, ua.ConfigurationVersionDataType, "ConfigurationVersion")
        held = self._known_version(dataset)
        if (int(asked.MajorVersion), int(asked.MinorVersion)) != held:
            problem = f"the dataset {dataset} has the version {held[0]}.{held[1]}"
            raise PubSubRefused(StatusCodes.BadInvalidState, problem, "read its ConfigurationVersion, and look again")
        return overlay.datasets[dataset]

    def _known_version(self, dataset: str) -> tuple[int, int]:
        return version_of(dataset, self._show(), self._configuration)

    def _version(self, dataset: str) -> ua.Variant:
        major, minor = self._known_version(dataset)
        version = ua.ConfigurationVersionDataType(MajorVersion=ua.UInt32(major), MinorVersion=ua.UInt32(minor))
        return ua.Variant(version, _kinds.ExtensionObject)

    def _nodeid(self, path: str) -> ua.Variant:
        return ua.Variant(nodeid_of((self._namespace, path)), _kinds.NodeId)


def written_elsewhere(*, what: str) -> PubSubRefused:
    """Refuse to change what stands in the configuration."""
    return PubSubRefused(
        StatusCodes.BadInvalidState, f"{what} stands in the configuration", "change it there and restart the gateway"
    )


def _put(words: Words, asked: Sequence[AskedVariable], called: Sequence[str]) -> None:
    nodes = cast("list[Plain]", words.setdefault("nodes", []))
    aliases: Words = {}
    for position, one in enumerate(asked):
        if one.status:
            continue
        nodes.append(one.node)
        if called and called[position]:
            aliases[one.node] = called[position]
    if aliases:
        held = words.get("aliases")
        words["aliases"] = {**(held if isinstance(held, dict) else {}), **aliases}


def _list(value: object) -> list[object]:
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else []


def _aliases(given: object, asked: Sequence[AskedVariable]) -> list[str]:
    names_given = [text_of(one, "FieldNameAliases") for one in _list(given)]
    if names_given and len(names_given) != len(asked):
        problem = f"there are {len(names_given)} names of fields for {len(asked)} variables"
        raise PubSubRefused(_INVALID, problem, "give one for each, or none at all")
    return names_given


def _no_flags(given: object) -> None:
    if any(int(cast("int", one)) for one in _list(given)):
        problem = "promoted fields are settings of UADP in the configuration"
        raise PubSubRefused(_INVALID, problem, "write FieldFlags 0, and uadp: {promoted: …} in the configuration")


def _statuses(codes: Sequence[int]) -> ua.Variant:
    return ua.Variant([ua.StatusCode(ua.UInt32(code)) for code in codes], _kinds.StatusCode)
