"""Kill -9 a thousand times (fault 26): ``python -m tests.torture [--kills N] [--seed N] [--every N]``.

Each kill hits a busy gateway at a random moment, on the files that all kills before left behind. Every so many kills
the history is compared with all that was ever accepted. Ends with 1 and names the seed where anything is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.kill_nine import TortureError, check, nursery


def say(line: str) -> None:
    """Tell how it goes, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run it, and say how it goes."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31), help="the same kills again")
    parser.add_argument("--every", type=int, default=100, help="kills between two comparisons")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    folder = Path(tempfile.mkdtemp(prefix="plantspace-torture-"))
    began = time.monotonic()
    say(f"{asked.kills} kills, seed {asked.seed}, in {folder}")
    try:
        with nursery() as children:
            for kill in range(1, asked.kills + 1):
                children.kill_once(folder, chance)
                if kill % asked.every and kill != asked.kills:
                    continue
                children.drain(folder)
                held = asyncio.run(check(folder, children.accepted))
                accepted = sum(map(len, children.accepted))
                took = time.monotonic() - began
                say(f"{kill} kills, {accepted} accepted, {held} there, {took:.0f} s")
    except TortureError as error:
        say(f"seed {asked.seed}: {error}; the files are in {folder}")
        return 1
    shutil.rmtree(folder)
    say("nothing that was accepted is missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
