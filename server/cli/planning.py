"""The plan of a gateway that is to run here: what ``check`` and ``run`` ask alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.errors import InputError
from server.cli.check_data_dir import check_data_dir
from server.cli.check_users import missing_users
from server.plan import Plan, plan_gateway


async def plan_to_run(config: Path) -> Plan:
    """Make the plan of a configuration file whose data folder can be used; nothing changes on disk.

    Raises :class:`~core.errors.InputError` with everything that is wrong; then nothing is left behind.
    """
    of_folder = await asyncio.to_thread(check_data_dir, config)
    try:
        plan = await plan_gateway(config)
    except InputError as error:
        raise InputError(sorted({*error.findings, *of_folder})) from None
    if of_folder:
        await plan.discard()
        raise InputError(of_folder)
    plan.warnings += [str(finding) for finding in await asyncio.to_thread(missing_users, plan)]
    return plan
