"""``plantspace audit``: the audit trail listed, verified, exported."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from server.cli.arguments import Commands, Parser, add_debug, whole
from server.cli.history import moment

FORMATS = ("json", "syslog")
_TRAIL = """\

The trail is that of --config or --data, or a copy of its file; it may be read while the gateway runs."""
_LIST = f"""\
Print records of the audit trail, the oldest first: number, time, user, whether it was done or refused, and what it was.
{_TRAIL}"""
_VERIFY = f"""\
Check the whole audit trail: that each record is as it was written and follows the one before it, that none was
removed, moved or put in between, and that the end is not missing. The end is compared with the head file beside the
trail, or with a copy of it that --head names. The first thing that is wrong is told with the number of the record.
{_TRAIL}"""
_EXPORT = f"""\
Write records of the audit trail to standard output, the oldest first: one JSON object a line with every field, or
syslog messages (RFC 5424), one a line.
{_TRAIL}"""
_EPILOG = """\
exit codes:
  0  done    1  there is no trail, or it cannot be read    2  wrong arguments"""


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    description = "List, verify and export the audit trail: who logged in, wrote, called and changed what."
    parser = commands.add_parser("audit", help="read and verify the audit trail", description=description)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = inner.add_parser(
        "list", help="print records", description=_LIST,
        epilog=f"""\
examples:
  plantspace audit list --data var --start -1d
  plantspace audit list --config plant.yaml --user alice --status refused
  plantspace audit list --data var --type AuditWriteUpdate --limit 20

{_EPILOG}""",
    )  # fmt: skip
    _add_source(listing)
    _add_filters(listing)
    add_debug(listing)
    listing.set_defaults(run=_list)
    verify = inner.add_parser(
        "verify", help="find what was changed", description=_VERIFY,
        epilog="""\
examples:
  plantspace audit verify --data var
  plantspace audit verify --data copies/audit.sqlite --head elsewhere/audit.head

exit codes:
  0  nothing is wrong    1  the trail is broken, or there is none    2  wrong arguments""",
    )  # fmt: skip
    _add_source(verify)
    verify.add_argument("--head", metavar="FILE", type=Path, help="compare the end with this copy of a head file")
    add_debug(verify)
    verify.set_defaults(run=_verify)
    export = inner.add_parser(
        "export", help="write records for other programs", description=_EXPORT,
        epilog=f"""\
examples:
  plantspace audit export --data var > audit.jsonl
  plantspace audit export --data var --start 2026-11-01 --end 2026-12-01 --format syslog > november.log

{_EPILOG}""",
    )  # fmt: skip
    _add_source(export)
    _add_filters(export)
    text = "how records are written: json, syslog (default: json)"
    export.add_argument("--format", choices=FORMATS, default="json", metavar="FORMAT", help=text)
    add_debug(export)
    export.set_defaults(run=_export)


def _add_source(parser: Parser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    source.add_argument("--data", metavar="DIR", type=Path, help="the gateway's data_dir, or a trail's file")


def _add_filters(parser: Parser) -> None:
    parser.add_argument("--start", type=moment, metavar="WHEN", help="from when on: 2026-11-21T08:00:00, -1h")
    parser.add_argument("--end", type=moment, metavar="WHEN", help="until when, itself not included")
    parser.add_argument("--user", metavar="NAME", help="only what this user did or tried")
    text = "only records of this type, such as AuditWriteUpdate; may be given several times"
    parser.add_argument("--type", metavar="TYPE", action="append", dest="types", help=text)
    text = "done: only what was done; refused: only what was refused"
    parser.add_argument("--status", choices=("done", "refused"), metavar="STATUS", help=text)
    parser.add_argument("--limit", type=whole, metavar="N", help="only the newest N of them")


def _list(arguments: argparse.Namespace) -> int:
    return _records(arguments, "list")


def _export(arguments: argparse.Namespace) -> int:
    return _records(arguments, arguments.format)


def _records(arguments: argparse.Namespace, form: str) -> int:
    from server.cli.audit_answer import Query, answer, type_of  # noqa: PLC0415 - loaded when needed, as in the others

    if arguments.start is not None and arguments.end is not None and arguments.start >= arguments.end:
        return _usage("--start must lie before --end")
    types: list[str] = []
    for text in arguments.types or ():
        known, mend = type_of(text)
        if not known:
            return _usage(f"there are no records of the type {text!r}; {mend}")
        types.append(known)
    done = None if arguments.status is None else arguments.status == "done"
    query = Query(arguments.start, arguments.end, arguments.user, frozenset(types), done, arguments.limit)
    return answer(query, form, arguments.config, arguments.data)


def _verify(arguments: argparse.Namespace) -> int:
    from server.cli.audit_answer import verify_trail  # noqa: PLC0415 - as above

    return verify_trail(arguments.config, arguments.data, arguments.head)


def _usage(message: str) -> int:
    print(f"plantspace audit: {message} (see --help)", file=sys.stderr)
    return 2
