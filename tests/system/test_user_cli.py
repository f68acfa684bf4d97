"""``plantspace user`` as administrators and scripts use it."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.command import COMMAND, environment, plantspace

COMMANDS = ["setup", "add", "list", "show", "password", "roles", "enable", "disable", "remove"]
PASSWORD = "correct horse battery"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "password.txt"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return str(file)


def user(*arguments: str, folder: Path, password: str = "") -> subprocess.CompletedProcess[str]:
    data = str(folder / "var")
    return plantspace("user", *arguments, "--data", data, PLANTSPACE_SETUP_PASSWORD=password)


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_teaches(command: list[str]) -> None:
    done = plantspace("user", *command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: plantspace user{''.join(f' {word}' for word in command)}" in done.stdout
    assert not command or "examples:" in done.stdout


def test_no_password_is_an_argument() -> None:
    for command in COMMANDS:
        assert "--password " not in plantspace("user", command, "--help").stdout


def test_a_life_of_users(tmp_path: Path, secret: str) -> None:
    first = said(user("setup", folder=tmp_path)).splitlines()
    assert first[0] == "user admin was made, SecurityAdmin"
    one_time = first[1].rpartition(" ")[2]
    assert len(one_time) == 23
    added = user("add", "ann", "--role", "Operator", "--password-file", secret, folder=tmp_path)
    assert said(added) == "user ann was added: Operator\n"
    table = said(user("list", folder=tmp_path)).splitlines()
    assert [line.split("  ")[0] for line in table] == ["user", "admin", "ann"]
    assert "must change the password" in table[1]
    changed = user("roles", "ann", "--add", "Engineer", "--remove", "Operator", folder=tmp_path)
    assert said(changed) == "user ann: Engineer\n"
    assert "cannot log in" in said(user("disable", "ann", folder=tmp_path))
    assert "disabled" in said(user("show", "ann", folder=tmp_path))
    assert "can log in" in said(user("enable", "ann", folder=tmp_path))
    assert "new password" in said(user("password", "ann", "--password-file", secret, folder=tmp_path))
    assert said(user("remove", "ann", folder=tmp_path)) == "user ann was removed; 1 user left\n"
    for file in (tmp_path / "var").iterdir():
        assert one_time.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o77 == 0
    assert (tmp_path / "var").stat().st_mode & 0o77 == 0


def test_the_first_password_may_come_from_the_environment_or_a_file(tmp_path: Path, secret: str) -> None:
    done = user("setup", folder=tmp_path, password=PASSWORD)
    assert "one-time" not in said(done)
    (tmp_path / "other").mkdir()
    done = user("setup", "--name", "root", "--password-file", secret, folder=tmp_path / "other")
    assert "user root was made" in said(done)
    assert PASSWORD not in done.stdout


def test_the_folder_may_be_the_configurations(tmp_path: Path, secret: str) -> None:
    config = tmp_path / "plant.yaml"
    config.write_text("server:\n  data_dir: ./data\n", encoding="utf-8")
    done = plantspace("user", "add", "ann", "--password-file", secret, "--config", str(config))
    assert said(done) == "user ann was added: no roles\n"
    assert (tmp_path / "data/users.sqlite").exists()


def test_errors_say_what_mends_them_and_change_nothing(tmp_path: Path, secret: str) -> None:
    said(user("setup", folder=tmp_path))
    (tmp_path / "empty").touch()
    for arguments, told in {
        ("setup",): "there is a SecurityAdmin already: admin (let that one make others)",
        ("remove", "admin"): "make another one SecurityAdmin first",
        ("add", "ADMIN", "--password-file", secret): "there is a user 'ADMIN' already",
        ("add", "bob", "--password-file", secret, "--role", "Operater"): "roles are Anonymous",
        ("add", "bob"): "give --password-file FILE",
        ("add", "bob", "--password-file", str(tmp_path / "empty")): "write the password there",
        ("add", "bob", "--password-file", str(tmp_path / "nowhere")): "nowhere: no such file",
        ("show", "bob"): "there is no user 'bob'",
        ("password", "bob"): "there is no user 'bob'",
        ("roles", "admin", "--remove", "Operator"): "the user 'admin' does not have the role 'Operator'",
    }.items():
        done = user(*arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
    assert len(said(user("list", folder=tmp_path)).splitlines()) == 2


def test_without_a_file_only_setup_and_add_begin_one(tmp_path: Path) -> None:
    done = user("list", folder=tmp_path)
    assert done.returncode == 1
    assert "begin with 'plantspace user setup'" in done.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["user"],
        ["user", "list"],
        ["user", "add", "--data", "var"],
        ["user", "add", "ann", "--data", "var", "--expires", "soon"],
        ["user", "add", "ann", "--data", "var", "--password", "x"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    done = plantspace(*arguments)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(("second", "code"), [(PASSWORD, 0), ("something else", 1)])
def test_at_a_terminal_the_password_is_asked_for_twice_and_never_shown(tmp_path: Path, second: str, code: int) -> None:
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "user", "add", "ann", "--data", str(tmp_path / "var")],
        env=environment(), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    for question, answer in ((b"Password for ann: ", PASSWORD), (b"Once more: ", second)):
        while question not in shown:
            shown += os.read(person, 1024)
        os.write(person, f"{answer}\n".encode())
    try:
        while part := os.read(person, 1024):
            shown += part
    except OSError:  # Linux says so at the end of a terminal
        pass
    os.close(person)
    assert process.wait(60) == code
    assert PASSWORD.encode() not in shown
    assert (b"was added" if code == 0 else b"type the same password twice") in shown
