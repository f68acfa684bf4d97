"""``plantspace run``: the gateway."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
from pathlib import Path

from server.cli.arguments import Commands, add_debug, add_log_level

_DESCRIPTION = """\
Run the gateway that CONFIG describes, until SIGTERM or Ctrl-C.

When clients may connect, one line appears on standard output: ready opc.tcp://…
SIGHUP lets it read the model's NodeSets again and apply what is different to what it serves, without a restart; the log
tells what has changed, or what is wrong with them and that nothing has.
Logs go to standard error. With errors in the configuration nothing is started and nothing changes on disk."""
_EPILOG = """\
examples:
  plantspace run plant.yaml
  plantspace run plant.yaml --log-level debug 2> gateway.log
  kill -HUP PID                      after a NodeSet was changed

exit codes:
  0  ended as asked, buffers flushed    1  errors in CONFIG, or it could not start"""
_log = logging.getLogger("plantspace.run")


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("run", help="run a gateway", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("config", metavar="CONFIG", type=Path, help="configuration file (YAML)")
    add_log_level(parser, "info")
    add_debug(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from server.cli.logs import logging_to_stderr  # noqa: PLC0415 - only a gateway logs

    with logging_to_stderr(arguments.log_level):
        return asyncio.run(_serve(arguments.config))


async def _serve(config: Path) -> int:
    # Loaded when a gateway is wanted: --help and the other commands answer at once. What is loaded stays: looking for
    # garbage among it meanwhile is a tenth of the time.
    gc.disable()
    from server.ua_stack.asyncua_types import load_types  # noqa: PLC0415

    load_types()
    from server.cli.planning import plan_to_run  # noqa: PLC0415
    from server.cli.stopping import StopRequested, StopSignals  # noqa: PLC0415
    from server.cli.terminal import Progress  # noqa: PLC0415
    from server.gateway import Gateway, settle_memory  # noqa: PLC0415
    from server.model_change.hangup import Hangup  # noqa: PLC0415

    gc.freeze()
    gc.enable()

    with StopSignals() as signals, Hangup() as hangup:
        try:
            with Progress(f"reading {config}"):
                plan = await signals.unless(plan_to_run(config))
            for warning in plan.warnings:
                _log.warning("%s", warning)
            gateway = Gateway(plan)
            try:
                with Progress("starting"):
                    await signals.unless(gateway.start())
                settle_memory()
                gateway.model.is_settled = True
                hangup.heard_by(gateway.model.reload_soon)
                print(f"ready {gateway.url}", flush=True)
                if plan.model.to_keep is not None:
                    await asyncio.to_thread(plan.model.to_keep.keep)
                await signals.asked.wait()
            finally:
                await gateway.stop()
        except StopRequested:
            pass
    return 0
