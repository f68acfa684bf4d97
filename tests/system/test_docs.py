"""The documentation is true: its commands run, its configurations are sound, its tables are the code's."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from asyncua import ua

from core.errors import Findings, InputError
from core.settings import Document, Section, build
from drivers import registry
from server.bindings import COLUMNS
from server.configuration import SECTIONS_ELSEWHERE, GatewaySettings
from server.diagnostics import _COUNTERS  # pyright: ignore[reportPrivateUsage] - the page lists just these
from server.plan import plan_gateway
from server.pubsub.settings import ConnectionSettings
from server.pubsub_model.merging import connections_of
from tests.conftest import ROOT
from tests.pages import Block, anchors, blocks, code, links, name_of, pages, prose, table
from tests.waiting import until

DOCS = ROOT / "docs"
PARTS = ("tutorial", "how-to", "reference", "explanation")
_LATE = 60.0
"""Seconds within which a command prints what the page expects: history is written half a second after the fact."""
_PORTS = ("4840", "5020")
"""Ports that the pages name; each test has free ones in their place."""
_HARMLESS = ("is missing", "is not set", "cannot be read")
"""What may be said of a piece of a configuration: the rest of it and the reader's surroundings are not here."""


@pytest.fixture
def shell(tmp_path: Path, free_port: Callable[[], int]) -> Shell:
    return Shell(tmp_path, {port: str(free_port()) for port in _PORTS})


class Shell:
    """The reader at a terminal, in a folder of their own where ``plantspace`` is this checkout's."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        self.folder = folder / "reader"
        self.folder.mkdir()
        self._ports = ports
        commands = folder / "bin"
        commands.mkdir()
        program = commands / "plantspace"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m plantspace "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        path = os.pathsep.join((str(commands), os.environ["PATH"]))
        here = os.pathsep.join((str(ROOT), str(ROOT / "packaging")))
        self._environment = os.environ | {"PATH": path, "PYTHONPATH": here}

    def ported(self, text: str) -> str:
        for known, free in self._ports.items():
            text = re.sub(rf"\b{known}\b", free, text)
        return text

    def save(self, block: Block) -> None:
        file = self.folder / str(block.file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.ported(block.text), encoding="utf-8")

    def run(self, block: Block) -> str:
        """Run a block, again and again for a while until it prints what is expected."""
        deadline = time.monotonic() + _LATE
        while True:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", self.ported(block.text)],
                cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            well = done.returncode == ("fails" in block.words) and block.expect in done.stdout
            if well or time.monotonic() > deadline or not block.expect:
                assert well, f"{block}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
                return done.stdout

    @contextmanager
    def background(self, block: Block) -> Generator[Callable[[], bool]]:
        """Run a block until the end; gives what tells whether it is ready."""
        said = self.folder.parent / f"said-{block.line}"
        with said.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self.ported(block.text).strip()}"],
                cwd=self.folder, env=self._environment, stdin=subprocess.PIPE, stdout=output, start_new_session=True,
            )  # fmt: skip
        try:
            yield lambda: "\n" in said.read_text(encoding="utf-8")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


RUNNABLE = [page for page in pages() if any("test" in block.words or block.file for block in blocks(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
async def test_a_page_can_be_followed(page: Path, shell: Shell) -> None:
    printed = ""
    for block in blocks(page):
        if block.file:
            shell.save(block)
    commands = "\n".join(block.text for block in blocks(page) if "test" in block.words and block.language == "bash")
    for block in blocks(page):
        # A page that has its reader check the file, checks it below.
        if block.file and block.file.endswith(".yaml") and f"plantspace check {block.file}" not in commands:
            await _check_whole(block, shell.folder / block.file)
    with ExitStack() as stack:
        for block in blocks(page):
            if "background" in block.words:
                await until(stack.enter_context(shell.background(block)), seconds=60)
            elif block.language == "bash" and "test" in block.words:
                printed = shell.run(block)
            elif "same" in block.words:
                assert printed == shell.ported(block.text), str(block)
    _check_data_folder(shell.folder / "var")


async def _check_whole(block: Block, file: Path) -> None:
    if "broken" in block.words:
        with pytest.raises(InputError):
            await plan_gateway(file)
    else:
        plan = await plan_gateway(file)
        await plan.discard()


def _check_data_folder(folder: Path) -> None:
    """What the gateway has left behind is told in the page on the data folder."""
    told = code(prose(DOCS / "reference/data-folder.md"))
    for file in folder.glob("**/*"):
        name = str(file.relative_to(folder)) + ("/" if file.is_dir() else "")
        name = re.sub(r"\b[0-9a-f]{64}\b", "<SHA-256>", name)
        assert name in told or name in {"certs/", "models/"}, f"docs/reference/data-folder.md does not tell of {name}"


PIECES = [
    block for page in pages() for block in blocks(page) if block.language == "yaml" and not block.file
]  # fmt: skip


@pytest.mark.parametrize("block", PIECES, ids=str)
def test_a_piece_of_configuration_has_keys_and_values_that_exist(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "piece.yaml"
    file.write_text(block.text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    assert document is not None, f"{block}: {findings.items}"
    build(GatewaySettings, document, findings, elsewhere=SECTIONS_ELSEWHERE)
    for name, section in document.members("devices", findings).items():
        build(registry.manifest(_word(section, "driver", name)).settings, section, findings)
    if "pubsub" in document:
        for section in connections_of(document.section(("pubsub",))).values():
            build(ConnectionSettings, section, findings)
    from analytics.registry import find_operators  # noqa: PLC0415 - the registry imports every operator

    for name, section in document.members("analytics", findings).items():
        build(find_operators()[_word(section, "operator", name)].settings, section, findings)
    wrong = [str(finding) for finding in findings.items if not any(text in finding.problem for text in _HARMLESS)]
    assert not wrong, f"{block}: {wrong}"


def _word(section: Section, key: str, name: str) -> str:
    word = section.data.get(key) if isinstance(section.data, dict) else None
    assert isinstance(word, str), f"{name} names no {key}"
    return word


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{name_of(page)} links to {link}: no such heading"


def test_the_index_leads_to_every_page() -> None:
    index = {(DOCS / link).resolve() for link in links(DOCS / "README.md") if ":" not in link}
    missing = [name_of(page) for part in PARTS for page in sorted((DOCS / part).glob("*.md")) if page not in index]
    assert not missing, "docs/README.md does not lead to them"


def test_make_has_what_the_pages_call() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in pages():
        text = "\n".join([*(block.text for block in blocks(page)), *code(prose(page))])
        called = set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
        assert called <= targets, f"{name_of(page)}: {called - targets}"


def test_bindings_page_has_every_column_in_order() -> None:
    assert [code(row[0])[0] for row in table(DOCS / "reference/bindings.md", "Columns")] == list(COLUMNS)


def test_diagnostics_page_has_every_node() -> None:
    page = DOCS / "reference/diagnostics.md"
    told = {code(row[0])[0] for row in table(page, "Each device: `/Objects/<device>`")}
    assert told == {f"Diagnostics/{name}" for name in (*_COUNTERS, "LastScanDuration")} | {
        "Health", "State", "LastError", "Driver", "Url", "Diagnostics/Losses",
    }  # fmt: skip
    model = (ROOT / "nodesets/models/plantspace.NodeSet2.xml").read_text(encoding="utf-8")
    in_model = set(re.findall(r'<UA(?:Variable|Object) NodeId="ns=1;s=Gateway\.((?!Model)[^"]+)"', model))
    listed = {code(row[0])[0].replace("/", ".") for row in table(page, "The gateway: `/Objects/Gateway`")}
    assert listed == in_model - {"Diagnostics", "Diagnostics.Losses"}


def test_the_security_page_names_tests_that_there_are() -> None:
    told = {word for word in code(prose(DOCS / "reference/security.md")) if word.startswith("test_")}
    written = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert told - set(re.findall(r"^(?:async )?def (test_\w+)", written, re.MULTILINE)) == set()


def test_the_security_page_tells_of_every_attack_that_is_not_met() -> None:
    told = set(code(prose(DOCS / "reference/security.md")))
    for file in (ROOT / "tests").rglob("test_threats_*.py"):
        marked = re.findall(
            r"^@pytest\.mark\.xfail\(.*?^(?:async )?def (test_\w+)",
            file.read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        assert set(marked) <= told, f"docs/reference/security.md, Known gaps: add {set(marked) - told}"


def test_status_codes_exist() -> None:
    known = set(vars(ua.StatusCodes))  # pyright: ignore[reportPrivateImportUsage] - asyncua re-exports it by a star
    for page in pages():
        named = set(re.findall(r"\b(?:Good|Uncertain|Bad)[A-Z][A-Za-z]+", page.read_text(encoding="utf-8")))
        assert named <= known, f"{name_of(page)}: {named - known}"
