"""The command line: what ``plantspace`` says and does at a terminal and in a service."""

from server.cli.main import main

__all__ = ["main"]
