"""``plantspace nodeset``: check, list, compare and write NodeSet2 files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from server.cli.arguments import Commands, add_debug

_CHECK = """\
Read NodeSet2 files as the gateway does and say what was taken in: nodes by their class, references, values,
structures decoded; remarks, each told once with a count; and everything that is wrong, file:line:column.

The models that a file requires are looked for among the files given, in the --search folders and among those that come
with Plantspace."""
_CHECK_EXAMPLES = """\
examples:
  plantspace nodeset check models/line.NodeSet2.xml
  plantspace nodeset check models/*.xml --search /usr/share/plantspace/nodesets

exit codes:
  0  nothing is wrong    1  errors were found"""
_LIST = """\
Say which models files hold: URI, version, date of publication, number of nodes, file; and which models they
require that are nowhere to be found.

--library lists the companion specifications that come with Plantspace: a model may require them without more."""
_LIST_EXAMPLES = """\
examples:
  plantspace nodeset list models/*.xml
  plantspace nodeset list --library | grep -i pump

exit codes:
  0  done    1  a file cannot be read, or a required model is missing"""
_DIFF = """\
Say what is different between two files of a model: nodes added, removed, moved to another NodeId, and changed, each
with what it was and is.

What breaks something is told with who notices it: types of variables, order of a structure's fields, arguments of
methods. With --config also the bindings and histories that lead nowhere with the new file."""
_DIFF_EXAMPLES = """\
examples:
  plantspace nodeset diff line-1.0.xml line-1.1.xml
  plantspace nodeset diff models/line.xml new/line.xml --config plant.yaml && cp new/line.xml models/

exit codes:
  0  done    1  a file is wrong, or bindings or histories of CONFIG would be orphaned"""
_EXPORT = """\
Write a model as one NodeSet2 XML file (UANodeSet 1.05) that other tools read: one of the --search folders, or one that
comes with Plantspace. Its nodes are sorted, so that files of two days can be compared line by line.

MODEL_URI is the namespace's URI as `plantspace nodeset list` tells it. With --config the models are those of a
configuration; its own namespace urn:plantspace:NAME has the nodes that are generated for tags and instances, to be
taken over into a model."""
_EXPORT_EXAMPLES = """\
examples:
  plantspace nodeset export http://opcfoundation.org/UA/DI/ -o di.NodeSet2.xml
  plantspace nodeset export urn:example:line --search models | xmllint --format - | less
  plantspace nodeset export urn:plantspace:line-1 --config plant.yaml -o generated.NodeSet2.xml

exit codes:
  0  done    1  there is no such model, or something is wrong with it"""


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    about = "Check, list, compare and write NodeSet2 files."
    parser = commands.add_parser("nodeset", help="check, list, compare and write NodeSet2 files", description=about)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    checking = inner.add_parser(
        "check", help="say what was read and what is wrong", description=_CHECK, epilog=_CHECK_EXAMPLES
    )
    checking.add_argument("files", metavar="FILE", nargs="+", type=Path, help="NodeSet2 XML file")
    _finish(checking, _check)

    listing = inner.add_parser("list", help="say which models files hold", description=_LIST, epilog=_LIST_EXAMPLES)
    which = listing.add_mutually_exclusive_group(required=True)
    which.add_argument("files", metavar="FILE", nargs="*", type=Path, default=[], help="NodeSet2 XML file")
    which.add_argument("--library", action="store_true", help="list the models that come with Plantspace")
    _finish(listing, _list)

    comparing = inner.add_parser(
        "diff", help="say what is different in a newer file", description=_DIFF, epilog=_DIFF_EXAMPLES
    )
    comparing.add_argument("old", metavar="OLD", type=Path, help="the file as it was")
    comparing.add_argument("new", metavar="NEW", type=Path, help="the file as it shall be")
    text = "configuration whose bindings and history are looked after"
    comparing.add_argument("--config", metavar="CONFIG", type=Path, help=text)
    text = "also each node beneath an added or removed one"
    comparing.add_argument("-v", "--verbose", action="store_true", help=text)
    _finish(comparing, _diff)

    exporting = inner.add_parser("export", help="write a model as a file", description=_EXPORT, epilog=_EXPORT_EXAMPLES)
    exporting.add_argument("uri", metavar="MODEL_URI", help="URI of the model's namespace")
    exporting.add_argument("--config", metavar="CONFIG", type=Path, help="configuration whose model is written")
    text = "file to write (default: standard output)"
    exporting.add_argument("-o", "--output", metavar="FILE", type=Path, help=text)
    _finish(exporting, _export)


def _finish(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    text = "folder to look for required models in; may be given several times"
    parser.add_argument("--search", metavar="DIR", action="append", type=Path, default=[], help=text)
    add_debug(parser)
    parser.set_defaults(run=run)


# What the commands need is loaded when they run: --help answers at once.


def _check(arguments: argparse.Namespace) -> int:
    from server.cli.nodeset_check import check  # noqa: PLC0415 - see above

    return check(arguments.files, arguments.search)


def _list(arguments: argparse.Namespace) -> int:
    from server.cli.nodeset_list import list_files, list_library  # noqa: PLC0415 - see above

    return list_library() if arguments.library else list_files(arguments.files, arguments.search)


def _diff(arguments: argparse.Namespace) -> int:
    from server.cli.nodeset_diff import diff  # noqa: PLC0415 - see above

    return diff(arguments.old, arguments.new, arguments.search, arguments.config, verbose=arguments.verbose)


def _export(arguments: argparse.Namespace) -> int:
    from server.cli.nodeset_export import export  # noqa: PLC0415 - see above

    export(arguments.uri, arguments.search, arguments.output, arguments.config)
    return 0
