"""NodeSets that came over OPC UA: kept in the data folder, and loaded beside the configuration's from then on.

One that holds a model which a file of the configuration holds too stands in for that file, and says so at every start.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from core.durable_files import settle_folder, write_private
from core.errors import Finding, InputError, Place
from core.settings import Document
from nodesets.header import Header, read_header
from server.configuration import ServerSettings

FOLDER = "models-imported"
_SUFFIX = ".NodeSet2.xml"
_LONGEST = 80


def imports_folder(document: Document) -> Path:
    """Give where the imported NodeSets of a configuration are; there need not be such a folder."""
    server = document.data.get("server") if isinstance(document.data, dict) else None
    written = server.get("data_dir") if isinstance(server, dict) else None
    data_dir = written if isinstance(written, str) and "\0" not in written else ServerSettings().data_dir
    return document.base / data_dir / FOLDER


def with_imported(files: Sequence[Path], folder: Path) -> tuple[list[Path], tuple[Finding, ...]]:
    """Give ``files`` with the imported ones in ``folder`` in place of those that they stand in for; say which."""
    imported = sorted(folder.glob(f"*{_SUFFIX}"))
    if not imported:
        return list(files), ()
    provided = {uri: file for file in imported for uri in _models(file)}
    kept: list[Path] = []
    warnings: list[Finding] = []
    for file in files:
        instead = next((provided[uri] for uri in _models(file) if uri in provided), None)
        if instead is None:
            kept.append(file)
        else:
            problem = f"left out: {instead} was imported and holds the same model"
            warnings.append(Finding(Place.of(file), problem, "delete that file to go back to this one"))
    return [*kept, *imported], tuple(warnings)


def stage(folder: Path, content: bytes) -> Path:
    """Lay down a copy of the imported NodeSets beside ``folder``, with ``content`` as one of them; give its path.

    Blocks. Raises :class:`InputError` for what is no NodeSet2 file, :class:`OSError` where nothing can be written.
    """
    beside = folder.with_name(f"{folder.name}.new")
    unstage(folder)
    beside.mkdir(mode=0o700, parents=True)
    for file in folder.glob(f"*{_SUFFIX}"):
        shutil.copyfile(file, beside / file.name)
    upload = beside / "upload.xml"
    write_private(upload, content)
    header = read_header(upload)
    uris = {model.uri for model in header.models}
    for file in beside.glob(f"*{_SUFFIX}"):
        if uris & set(_models(file)):
            file.unlink()
    return upload.rename(beside / _name_of(header))


def unstage(folder: Path) -> None:
    """Throw the copy away, if there is one. Blocks."""
    shutil.rmtree(folder.with_name(f"{folder.name}.new"), ignore_errors=True)


def keep(staged: Path, folder: Path) -> Mapping[Path, bytes | None]:
    """Move a staged file into ``folder``, in place of those with its models; give what was there, for :func:`restore`.

    Blocks. Raises :class:`OSError`; then the folder is as it was.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / staged.name
    others = [one for one in folder.glob(f"*{_SUFFIX}") if one != file and not (staged.parent / one.name).exists()]
    before = {one: one.read_bytes() for one in others}
    held = file.read_bytes() if file.exists() else None
    staged.replace(file)
    for one in others:
        one.unlink(missing_ok=True)
    settle_folder(folder)
    return {file: held, **before}


def restore(before: Mapping[Path, bytes | None]) -> None:
    """Make files as they were. Blocks. Raises :class:`OSError`."""
    for file, content in before.items():
        if content is None:
            file.unlink(missing_ok=True)
        else:
            beside = file.with_name(f"{file.name}.new")
            write_private(beside, content)
            beside.replace(file)
        settle_folder(file.parent)


def _models(file: Path) -> Iterable[str]:
    try:
        return [model.uri for model in read_header(file).models]
    except (InputError, OSError):
        return ()  # whoever reads the file says what is wrong with it


def _name_of(header: Header) -> str:
    uri = header.models[0].uri if header.models else ""
    words = re.sub(r"[^A-Za-z0-9]+", "-", uri.partition("://")[2] or uri).strip("-")[:_LONGEST]
    return f"{words}-{sha256(uri.encode()).hexdigest()[:8]}{_SUFFIX}"
