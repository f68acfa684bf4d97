from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nodesets.importing import child as child_module
from nodesets.importing.child import ReadingChild
from nodesets.importing.request import Request
from nodesets.limits import MEBIBYTE, Limits
from nodesets.model import Model, read_model, standard_header
from nodesets.resolver import resolve
from tests.conftest import ROOT
from tests.unit.nodesets.written import document, own, write

NODE = '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"/>'
pytestmark = pytest.mark.usefixtures("core")


def request(folder: Path, limits: Limits | None = None, nodes: str = NODE) -> Request:
    resolution = resolve([write(folder, document(nodes, required=""))])
    return Request(standard_header(), resolution, limits or Limits())


def spoken(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Have the child run another program, which has the request in ``line``."""
    before = "import os, signal, sys, time; sys.path.insert(0, sys.argv[1]); line = sys.stdin.readline()\n"
    monkeypatch.setattr(child_module, "_PROGRAM", before + program)


def failed(request: Request, limits: Limits | None = None) -> str:
    """Read, which fails; give the finding."""
    child = ReadingChild(request if limits is None else request._replace(limits=limits))
    model = child.run()
    (finding,) = model.findings
    assert finding.place.file == str(request.resolution.files[0].file)
    assert len(model.nodesets) == 1
    assert child.lines == []
    return f"{finding.problem} ({finding.mend})"


def same(one: Model, other: Model) -> bool:
    return (one.nodesets, one.nodes, one.findings) == (other.nodesets, other.nodes, other.findings)


def test_a_model_read_apart_is_that_read_here(tmp_path: Path) -> None:
    asked = request(tmp_path)
    child = ReadingChild(asked)
    model = child.run()
    assert same(model, read_model(asked.resolution))
    assert own(1) in model.nodes
    assert child.lines


def test_what_is_wrong_with_files_is_told_as_ever(tmp_path: Path) -> None:
    asked = request(tmp_path, nodes='<UAObject NodeId="x" BrowseName="1:A"/>')
    model = ReadingChild(asked).run()
    assert len(model.findings) == 1
    assert same(model, read_model(asked.resolution))


def test_it_tells_each_file_as_it_begins(tmp_path: Path) -> None:
    asked = request(tmp_path)
    told: list[Path] = []
    ReadingChild(asked, told.append).run()
    assert told == [asked.standard.file, *(header.file for header in asked.resolution.files)]


def test_a_request_comes_back_as_it_was(tmp_path: Path) -> None:
    asked = request(tmp_path, Limits(seconds=1.5), nodes="<Odd")
    assert Request.of(asked.line()) == asked


def test_threat_25_more_memory_than_may_be_is_a_finding(tmp_path: Path) -> None:
    many = "".join(f'<UAObject NodeId="ns=1;i={number}" BrowseName="1:A{number}"/>' for number in range(60_000))
    told = failed(request(tmp_path, Limits(memory_bytes=48 * MEBIBYTE), many))
    assert told == (
        "reading it takes more than 48 MiB of memory (raise model.limits.memory_mib if the file is what it should be)"
    )


def test_threat_25_more_time_than_may_be_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken(monkeypatch, f'print(\'["reading","{tmp_path}/test.NodeSet2.xml"]\', flush=True); signal.pause()')
    told = failed(request(tmp_path), Limits(seconds=0.3))
    assert told == "the model was not read within 0.3 s (raise model.limits.time if the file is what it should be)"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_threat_25_a_reader_that_dies_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spoken(monkeypatch, f"os.kill(os.getpid(), signal.{name})")
    told = failed(request(tmp_path))
    assert told == f"the process that reads it was ended by {name} (leave the file out: it may be made to do harm)"


def test_threat_25_a_reader_out_of_cpu_time_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken(monkeypatch, "os.kill(os.getpid(), signal.SIGXCPU)")
    assert "was not read within 300 s" in failed(request(tmp_path))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("", "lines are lacking"),
        ("print('hello')", "not a line of JSON"),
        ("print('[\"model\",1,1]')", "lines are lacking"),
        ("sys.stdout.write('[\"model\",1,1')", "a line breaks off"),
        ("sys.stdout.buffer.write(b'\\xff' * 3_000_000)", "it says too much"),
        ('[print(\'["reading","test"]\') for _ in range(200_000)]', "it says too much"),
    ],
)
def test_threat_25_a_reader_that_says_what_it_should_not_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    spoken(monkeypatch, program)
    monkeypatch.setattr(child_module, "_LONGEST_LINE", 1 << 20)
    asked = request(tmp_path, Limits(total_bytes=1 << 18))
    (finding,) = ReadingChild(asked).run().findings
    assert finding.problem.startswith("the process that reads it is not to be trusted: ")
    assert reason in finding.problem


def test_threat_25_an_error_of_the_reader_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "import nodesets.model\ndef broken(*_): raise RuntimeError('odd')\nnodesets.model.read_model = broken\n"
    again = "import io\nsys.stdin = io.TextIOWrapper(io.BytesIO(line.encode()))\n"
    spoken(monkeypatch, wrong + again + "from nodesets.importing.worker import main; main()")
    assert failed(request(tmp_path)) == ("reading it failed: RuntimeError: odd (leave the file out, and report it)")


def test_nothing_of_the_environment_that_may_be_secret_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "open sesame")
    spoken(monkeypatch, 'import json; print(json.dumps(["failed", "", " ".join(os.environ)], separators=(",", ":")))')
    told = failed(request(tmp_path))
    assert "PATH" in told
    assert "BROKER_PASSWORD" not in told


def test_a_reading_that_is_ended_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken(monkeypatch, 'print(f\'["reading","{os.getpid()}"]\', flush=True); signal.pause()')
    pids: list[int] = []
    begun = threading.Event()

    def progress(file: Path) -> None:
        pids.append(int(str(file)))
        begun.set()

    child = ReadingChild(request(tmp_path), progress)
    killer = threading.Thread(target=lambda: (begun.wait(60), child.kill()))
    killer.start()
    (finding,) = child.run().findings
    killer.join()
    assert finding.problem == "the reading was broken off"
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_one_that_is_ended_before_it_begins_does_not_read(tmp_path: Path) -> None:
    child = ReadingChild(request(tmp_path))
    child.kill()
    (finding,) = child.run().findings
    assert finding.problem == "the reading was broken off"


def test_the_reader_bounds_itself_and_writes_no_file() -> None:
    program = (
        "import resource; from nodesets.importing.worker import bound; from nodesets.limits import Limits\n"
        "bound(Limits(seconds=7, memory_bytes=1 << 30))\n"
        "names = ('AS', 'CPU', 'FSIZE', 'CORE')\n"
        "print([resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) for name in names])"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert said.strip() == str([(1 << 30, 1 << 30), (7, 7), (0, 0), (0, 0)])


def test_the_reader_needs_neither_the_endpoint_nor_numpy() -> None:
    """Its start is part of every first start: what it loads is what reading needs."""
    program = "import sys, nodesets.importing.worker; print(*{name.partition('.')[0] for name in sys.modules})"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert not {"asyncio", "asyncua", "numpy", "pydantic", "server"} & set(said.split())


def test_a_process_that_cannot_be_started_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    assert failed(request(tmp_path)).startswith("the process that reads models cannot be started: ")
