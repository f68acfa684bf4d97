"""``plantspace certs …``: the gateway's own certificates, and whose it trusts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from server.cli.arguments import Commands, Parser, add_debug, whole

_ABOUT = """\
Look after the gateway's own certificates and those that it trusts, in the data folder of CONFIG.

Works whether the gateway runs or not. A running gateway heeds at once what is trusted and what is not. Run it as the
user that the gateway runs as: the files are for that user alone."""
_SHOW = """\
Show the gateway's own certificates, or, by its THUMBPRINT, one that lies in a list: what it says, and whether it would
be let in; if not, why, and what mends it."""
_SHOW_END = """\
examples:
  plantspace certs show plant.yaml
  plantspace certs show plant.yaml 3F09AB

exit codes:
  0  done    1  there is no such certificate"""
_LIST = """\
List the certificates that are trusted, the issuers that complete chains, those that were rejected (the newest first),
and the revocation lists."""
_LIST_END = """\
examples:
  plantspace certs list plant.yaml
  plantspace certs list plant.yaml --only rejected"""
_TRUST = """\
Trust a client that was rejected, by its THUMBPRINT (its first six digits or more, from `plantspace certs list`), or the
certificate in a FILE. Compare the thumbprint with the one that the client shows before you trust it.

To trust an authority trusts every client that it has issued a certificate for."""
_TRUST_END = """\
examples:
  plantspace certs trust plant.yaml 3F09AB
  plantspace certs trust plant.yaml uaexpert.der"""
_REJECT = """\
Trust a certificate no longer, and put it among those rejected; or, where THUMBPRINT is that of an issuer, forget it
with its revocation lists. Sessions that are open stay open."""
_REJECT_END = """\
examples:
  plantspace certs reject plant.yaml 3F09AB"""
_IMPORT = """\
Take in authorities and their revocation lists from FILE… (DER or PEM, also several in one file).

An authority becomes an issuer: it completes chains, and what it has issued is let in only where that is trusted itself.
With --trust all that it has issued is let in. All files are read before anything changes."""
_IMPORT_END = """\
examples:
  plantspace certs import plant.yaml plant-ca.pem plant-ca.crl --trust
  plantspace certs import plant.yaml newest.crl"""
_RENEW = """\
Make a new self-signed certificate for the gateway, valid from now on, with the names and addresses that this machine
has now. The pair before is kept; --back takes it again. Clients that trusted the one before have to trust the new one.
The gateway uses it from its next start on."""
_RENEW_END = """\
examples:
  plantspace certs renew plant.yaml
  plantspace certs renew plant.yaml --new-key --rsa-bits 3072
  plantspace certs renew plant.yaml --back"""
_CSR = """\
Write a signing request (PKCS #10, PEM) for the gateway's certificate, to be signed by your authority. Then use
`plantspace certs install`. A new key is kept aside until the certificate for it is installed."""
_CSR_END = """\
examples:
  plantspace certs csr plant.yaml -o line-1.csr
  plantspace certs csr plant.yaml --new-key | ssh ca sign > line-1.pem"""
_INSTALL = """\
Use a certificate that your authority has issued for the gateway, and keep the pair before (`certs renew --back`).

The first certificate in FILE… is the gateway's, the others are its issuers up to the root; those imported before need
not be given. It is refused, and nothing changes, where key, application URI, dates or chain do not fit.
The gateway uses it from its next start on."""
_INSTALL_END = """\
examples:
  plantspace certs install plant.yaml line-1.pem plant-ca.pem
  plantspace certs install plant.yaml line-1.der --key line-1.key.pem"""
KINDS = ("rsa", "nistP256")
LISTS = ("trusted", "issuers", "rejected", "crl")


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("certs", help="look after certificates", description=_ABOUT)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = _command(inner, "show", "show a certificate", _SHOW, _SHOW_END, _show)
    show.add_argument("thumbprint", metavar="THUMBPRINT", nargs="?", help="its first six digits or more")
    listing = _command(inner, "list", "list trusted and rejected certificates", _LIST, _LIST_END, _list)
    text = f"only one of the lists: {', '.join(LISTS)}"
    listing.add_argument("--only", choices=LISTS, metavar="LIST", help=text)
    trust = _command(inner, "trust", "trust a client", _TRUST, _TRUST_END, _trust)
    trust.add_argument("what", metavar="THUMBPRINT|FILE", help="of one that was rejected, or a file (DER or PEM)")
    reject = _command(inner, "reject", "trust a client no longer", _REJECT, _REJECT_END, _reject)
    reject.add_argument("thumbprint", metavar="THUMBPRINT", help="its first six digits or more")
    bring = _command(inner, "import", "take in authorities and revocation lists", _IMPORT, _IMPORT_END, _import)
    bring.add_argument("files", metavar="FILE", nargs="+", type=Path, help="certificates or lists, DER or PEM")
    bring.add_argument("--trust", action="store_true", help="let in all that these authorities have issued")
    _add_renew(inner)
    csr = _command(inner, "csr", "write a signing request", _CSR, _CSR_END, _csr)
    _add_kind(csr)
    csr.add_argument("--new-key", action="store_true", help="ask for a new key, not for the one in use")
    csr.add_argument("-o", "--output", metavar="FILE", type=Path, help="file to write (default: standard output)")
    install = _command(inner, "install", "use a certificate of an authority", _INSTALL, _INSTALL_END, _install)
    install.add_argument("files", metavar="FILE", nargs="+", type=Path, help="certificate, then issuers; DER or PEM")
    install.add_argument("--key", metavar="FILE", type=Path, help="its private key, where it was not made here")


def _add_renew(inner: Commands) -> None:
    renew = _command(inner, "renew", "make a new certificate for the gateway", _RENEW, _RENEW_END, _renew)
    _add_kind(renew)
    renew.add_argument("--new-key", action="store_true", help="make a new key, too")
    renew.add_argument("--rsa-bits", type=int, choices=(2048, 3072, 4096), default=2048, help="of a new RSA key")
    renew.add_argument("--days", type=whole, default=1825, metavar="N", help="how long it is valid (default: 1825)")
    renew.add_argument("--self-signed", action="store_true", help="also in the place of one that an authority issued")
    renew.add_argument("--back", action="store_true", help="take the pair before again")


def _command(
    inner: Commands, name: str, text: str, about: str, end: str, run: Callable[[argparse.Namespace], int]
) -> Parser:
    parser = inner.add_parser(name, help=text, description=about, epilog=end)
    parser.add_argument("config", metavar="CONFIG", type=Path, help="configuration file (YAML)")
    add_debug(parser)
    parser.set_defaults(run=run)
    return parser


def _add_kind(parser: Parser) -> None:
    text = f"which of the gateway's certificates: {', '.join(KINDS)} (default: {KINDS[0]})"
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0], metavar="KIND", help=text)


# What the commands need is loaded when they run: --help answers at once.


def _show(arguments: argparse.Namespace) -> int:
    from server.cli.certs_show import show_one, show_own  # noqa: PLC0415 - see above

    if arguments.thumbprint is None:
        return show_own(arguments.config)
    return show_one(arguments.config, arguments.thumbprint)


def _list(arguments: argparse.Namespace) -> int:
    from server.cli.certs_show import list_all  # noqa: PLC0415 - see above

    return list_all(arguments.config, arguments.only)


def _trust(arguments: argparse.Namespace) -> int:
    from server.cli.certs_trust import trust  # noqa: PLC0415 - see above

    return _recorded(arguments, trust(arguments.config, arguments.what))


def _reject(arguments: argparse.Namespace) -> int:
    from server.cli.certs_trust import reject  # noqa: PLC0415 - see above

    return _recorded(arguments, reject(arguments.config, arguments.thumbprint))


def _import(arguments: argparse.Namespace) -> int:
    from server.cli.certs_trust import bring_in  # noqa: PLC0415 - see above

    return _recorded(arguments, bring_in(arguments.config, arguments.files, trusted=arguments.trust))


def _renew(arguments: argparse.Namespace) -> int:
    from server.cli.certs_own import go_back, renew  # noqa: PLC0415 - see above

    if arguments.back:
        return _recorded(arguments, go_back(arguments.config, arguments.kind), own=True)
    done = renew(
        arguments.config,
        arguments.kind,
        new_key=arguments.new_key,
        rsa_bits=arguments.rsa_bits,
        days=arguments.days,
        even_issued=arguments.self_signed,
    )
    return _recorded(arguments, done, own=True)


def _csr(arguments: argparse.Namespace) -> int:
    from server.cli.certs_own import request  # noqa: PLC0415 - see above

    return request(arguments.config, arguments.kind, arguments.output, new_key=arguments.new_key)


def _install(arguments: argparse.Namespace) -> int:
    from server.cli.certs_own import install  # noqa: PLC0415 - see above

    return _recorded(arguments, install(arguments.config, arguments.files, arguments.key), own=True)


def _recorded(arguments: argparse.Namespace, done: int, *, own: bool = False) -> int:
    """Tell the audit trail what was changed: the gateway's own certificate, or what it trusts."""
    from server.cli.certs_recording import record_change  # noqa: PLC0415 - see above

    record_change(arguments.config, own=own)
    return done
