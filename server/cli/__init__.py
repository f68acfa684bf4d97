"""The command line: what ``plantspace`` says and does at a terminal and in a service."""

from core.collecting import no_collection

with no_collection(freeze=True):
    from server.cli.main import main

__all__ = ["main"]
