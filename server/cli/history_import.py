"""``plantspace history import``: tables, or an upstream server's history, into the gateway's history."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Final

from server.cli.arguments import Commands, add_debug, zone

_UNITS: Final = ("iso", "s", "ms", "us", "ns")
_MODES: Final = ("SignAndEncrypt", "Sign", "None")
_OF_TABLES: Final = ("time", "decimal", "prefix", "skip_bad")
_OF_SERVERS: Final = ("to", "security", "certificate", "key", "server_certificate", "user")
_DESCRIPTION: Final = """\
Bring history in: from tables (CSV, or Parquet where the name ends in .parquet), or from an OPC UA server's HistoryRead.

A table has a row a sample (columns time, node, value and, if need be, status) or a column a node (time, and columns
named by their nodes). A node is a browse path (/Objects/Line1/Filler/Temperature) or a NodeId (nsu=urn:…;s=…); the
model must have it and the configuration keep its history. Each value must fit the variable's type.

All files are checked first; where anything is wrong, nothing is stored. What is stored is marked as brought in later.
The gateway may run. An import that was ended may be said again: it goes on, and stores nothing twice."""
_EPILOG: Final = """\
examples:
  plantspace history import plant.yaml july.csv august.csv --zone Europe/Berlin
  plantspace history import plant.yaml old.parquet --dry-run
  plantspace history import plant.yaml logger.csv --time ms --prefix /Objects/Line1/ --skip-bad
  plantspace history import plant.yaml opc.tcp://plc:4840 --node /Objects/Line1/Filler/Temperature --from -7d

exit codes:
  0  done    1  something is wrong, and what was not stored is said    2  wrong arguments"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "bring history in from tables or a server"
    parser = commands.add_parser("import", help=text, description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    text = "tables (.csv, .parquet), or the URL of a server (opc.tcp://…)"
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help=text)
    parser.add_argument("--dry-run", action="store_true", help="check everything and store nothing")
    tables = parser.add_argument_group("tables")
    text = "time zone of times that name none, such as Europe/Berlin; also of --from and --to"
    parser.add_argument("--zone", type=zone, metavar="ZONE", help=text)
    text = "what the times are: iso (2026-11-21T08:00:00Z), or what they count since 1970: s, ms, us, ns (default: iso)"
    tables.add_argument("--time", choices=_UNITS, default="iso", metavar="UNIT", help=text)
    text = "the decimal sign in numbers, . or , (default: .)"
    tables.add_argument("--decimal", choices=(".", ","), default=".", metavar="SIGN", help=text)
    text = "stands before names that are no path and no NodeId, such as /Objects/Line1/"
    tables.add_argument("--prefix", default="", metavar="PATH", help=text)
    tables.add_argument("--skip-bad", action="store_true", help="store what is sound, and list what is not")
    _add_server(parser)
    add_debug(parser)
    parser.set_defaults(run=_run)


def _add_server(parser: argparse.ArgumentParser) -> None:
    from server.cli.history import moment_text  # noqa: PLC0415 - that module adds this command

    server = parser.add_argument_group("servers")
    text = "a node to bring in; where its NodeId there is another, HERE::THERE; may be given often"
    server.add_argument("--node", action="append", metavar="NODE", default=[], help=text)
    text = "from when on: 2026-11-21T08:00:00, -7d"
    server.add_argument("--from", dest="start", type=moment_text, metavar="WHEN", help=text)
    server.add_argument("--to", dest="end", type=moment_text, metavar="WHEN", help="until when (default: now)")
    text = "how the connection is protected: SignAndEncrypt, Sign or None (default: SignAndEncrypt)"
    server.add_argument("--security", type=_security, choices=_MODES, metavar="MODE", help=text)
    text = "the certificate to show, DER or PEM; without it the gateway's own"
    server.add_argument("--certificate", type=Path, metavar="FILE", help=text)
    server.add_argument("--key", type=Path, metavar="FILE", help="its private key, PEM")
    text = "the server's certificate, which must be the one it shows; without it, one that the gateway trusts"
    server.add_argument("--server-certificate", type=Path, metavar="FILE", help=text)
    text = "log in as this user; the password is asked for, or taken from PLANTSPACE_PASSWORD"
    server.add_argument("--user", metavar="NAME", help=text)


def _security(text: str) -> str:
    """Know a MessageSecurityMode in any case."""
    return next((mode for mode in _MODES if mode.casefold() == text.casefold()), text)


def _told(arguments: argparse.Namespace, names: tuple[str, ...]) -> str:
    """Give the first of these options that was given; empty where none was."""
    defaults = {"time": "iso", "decimal": ".", "prefix": "", "skip_bad": False}
    for name in names:
        if getattr(arguments, {"to": "end"}.get(name, name)) != defaults.get(name):
            return f"--{name.replace('_', '-')}"
    return ""


def _run(arguments: argparse.Namespace) -> int:
    import sys  # noqa: PLC0415 - only here

    from_server = any(source.startswith("opc.tcp://") for source in arguments.sources)
    wrong = _wrong(arguments, from_server=from_server)
    if not wrong and from_server:
        from server.cli.history import moment  # noqa: PLC0415 - that module adds this command

        arguments.start, arguments.end = (
            moment(arguments.start, arguments.zone),
            moment(arguments.end or "now", arguments.zone),
        )
        arguments.security = arguments.security or _MODES[0]
        wrong = "--from must lie before --to" if arguments.start >= arguments.end else ""
    if wrong:
        print(f"plantspace history import: {wrong} (see --help)", file=sys.stderr)
        return 2
    if from_server:
        from server.cli.history_import_server import import_server  # noqa: PLC0415 - loaded when needed

        return asyncio.run(import_server(arguments))
    from server.cli.history_import_tables import import_tables  # noqa: PLC0415 - as above

    return asyncio.run(import_tables(arguments))


def _wrong(arguments: argparse.Namespace, *, from_server: bool) -> str:
    """Say what does not go together; empty where all is well."""
    of_tables, of_servers = _told(arguments, _OF_TABLES), _told(arguments, _OF_SERVERS)
    rules = (
        (from_server and len(arguments.sources) > 1, "a server is a source of its own: name nothing beside it"),
        (
            from_server and (not arguments.node or arguments.start is None),
            "say what to take from the server: --node (one or several) and --from",
        ),
        (from_server and of_tables, f"{of_tables} is for tables; a server's values come as they are"),
        (
            not from_server and (arguments.node or arguments.start is not None),
            "--node and --from are for servers (opc.tcp://…); a table is taken as a whole",
        ),
        (not from_server and of_servers, f"{of_servers} is for servers (opc.tcp://…), and this is a table"),
        ((arguments.certificate is None) != (arguments.key is None), "--certificate and --key belong together"),
    )
    return next((text for wrong, text in rules if wrong), "")
