"""``plantspace user …``: who may log in, with which roles."""

from __future__ import annotations

import argparse
from pathlib import Path

from server.cli.arguments import Commands, Parser, add_debug

SETUP_PASSWORD = "PLANTSPACE_SETUP_PASSWORD"  # noqa: S105 - the name of a variable, no password
_DESCRIPTION = """\
Say who may log in with user name and password, and with which roles.

A running gateway takes over what is changed here within a second or two. Passwords are asked for, or read from a file;
they are never given as arguments, which other users of the machine can see."""
_SETUP = """\
Make the first user: a SecurityAdmin, who makes the others.

The password is made here and shown once, or read from the environment variable PLANTSPACE_SETUP_PASSWORD or from
--password-file. Until it has been changed the user has no rights. Where there is a SecurityAdmin already, nothing is
done."""
_ADD = """\
Add a user. The password is asked for twice, or read from --password-file.

Roles are Observer (reads), Operator (also writes and calls methods), Supervisor (reads and calls), Engineer (also
configures), ConfigureAdmin, SecurityAdmin (users, roles and certificates), SecurityKeyServerAccess (keys of published
messages), and those that you have made. A user without roles can log in and do next to nothing."""
_LIST = "List the users: name, roles, and what is special about them."
_SHOW = "Show all that is known about a user; never the password."
_NEW = """\
Give a user a new password. It is asked for twice, or read from --password-file. Locks after failed log-ins end."""
_ROLES = """\
Give roles to a user and take roles away, and say which the user has. That is about roles given to the name; those
given to groups or certificates stay as they are."""
_ENABLE = "Let a user log in again. Locks after failed log-ins end."
_DISABLE = "Let a user not log in any more; sessions of the user end. Everything else is kept."
_REMOVE = "Remove a user for good, and all rules that name it."
_EXAMPLES = {
    "setup": "plantspace user setup --config plant.yaml",
    "add": "plantspace user add ann --role Operator --config plant.yaml\n"
    "  plantspace user add bob --role Engineer --password-file - --config plant.yaml < password.txt",
    "list": "plantspace user list --config plant.yaml\n  plantspace user list --data var",
    "show": "plantspace user show ann --config plant.yaml",
    "password": "plantspace user password ann --config plant.yaml",
    "roles": "plantspace user roles ann --config plant.yaml\n"
    "  plantspace user roles ann --add Engineer --remove Operator --config plant.yaml",
    "enable": "plantspace user enable ann --config plant.yaml",
    "disable": "plantspace user disable ann --config plant.yaml",
    "remove": "plantspace user remove ann --config plant.yaml",
}
_EXIT = "exit codes:\n  0  done    1  it could not be done, and nothing has changed    2  wrong arguments"


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("user", help="say who may log in", description=_DESCRIPTION)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    setup = _command(inner, "setup", "make the first user", _SETUP, names=False)
    text = "name of the user (default: admin)"
    setup.add_argument("--name", default="admin", metavar="NAME", help=text)
    _add_password_file(setup)
    add = _command(inner, "add", "add a user", _ADD)
    text = "a role of the user; may be given several times"
    add.add_argument("--role", action="append", default=[], metavar="ROLE", dest="roles", help=text)
    add.add_argument("--description", default="", metavar="TEXT", help="who that is")
    text = "when the user can log in no more, such as 2027-01-31 or 2027-01-31T12:00:00Z"
    add.add_argument("--expires", type=_moment, metavar="WHEN", help=text)
    _add_must_change(add)
    _add_password_file(add)
    _command(inner, "list", "list the users", _LIST, names=False)
    _command(inner, "show", "show a user", _SHOW)
    password = _command(inner, "password", "give a user a new password", _NEW)
    _add_must_change(password)
    _add_password_file(password)
    roles = _command(inner, "roles", "give and take roles", _ROLES)
    text = "a role to give; may be given several times"
    roles.add_argument("--add", action="append", default=[], metavar="ROLE", help=text)
    text = "a role to take away; may be given several times"
    roles.add_argument("--remove", action="append", default=[], metavar="ROLE", help=text)
    _command(inner, "enable", "let a user log in again", _ENABLE)
    _command(inner, "disable", "let a user log in no more", _DISABLE)
    _command(inner, "remove", "remove a user", _REMOVE)


def _command(commands: Commands, name: str, summary: str, description: str, *, names: bool = True) -> Parser:
    epilog = f"examples:\n  {_EXAMPLES[name]}\n\n{_EXIT}"
    parser = commands.add_parser(name, help=summary, description=description, epilog=epilog)
    if names:
        parser.add_argument("name", metavar="NAME", help="name of the user")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    source.add_argument("--data", metavar="DIR", type=Path, help="the gateway's data_dir")
    add_debug(parser)
    parser.set_defaults(run=_run, command=name)
    return parser


def _add_must_change(parser: Parser) -> None:
    text = "the user has no roles until the password is changed"
    parser.add_argument("--must-change", action="store_true", help=text)


def _add_password_file(parser: Parser) -> None:
    text = "file whose first line is the password; - for standard input"
    parser.add_argument("--password-file", metavar="FILE", help=text)


def _run(arguments: argparse.Namespace) -> int:
    from server.cli.user_commands import run  # noqa: PLC0415 - loaded when needed: --help answers at once

    run(arguments)
    return 0


def _moment(text: str) -> int:
    """Read a date or a moment, UTC where no zone is given, as seconds since 1970."""
    from datetime import UTC, datetime  # noqa: PLC0415 - keeps --help quick

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no moment, such as 2027-01-31 or 2027-01-31T12:00:00Z"
        raise argparse.ArgumentTypeError(message) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
