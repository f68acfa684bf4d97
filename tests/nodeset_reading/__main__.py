"""`python -m tests.nodeset_reading [FILE...]`: counts and problems of the published sets, or of the given files."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path

from tests.nodeset_reading.library import load_library, read_closure
from tests.nodeset_reading.nodes import read_file
from tests.nodeset_reading.records import FileContent, Problem
from tests.nodeset_reading.values import decode_values


def _closures(paths: list[str]) -> list[list[FileContent]]:
    if paths:
        contents = [read_file(Path(path)) for path in paths]
        return [[*(other for other in contents if other is not content), content] for content in contents]
    library = load_library()
    return [read_closure(library, file) for files in library.values() for file in files]


def main() -> None:
    counts: Counter[str] = Counter()
    problems: defaultdict[str, list[Problem]] = defaultdict(list)
    for contents in _closures(sys.argv[1:]):
        own = contents[-1]
        decoded = decode_values(contents, only=own)
        counts["files"] += 1
        counts["nodes"] += len(own.nodes)
        counts["references"] += len(own.references)
        counts["values"] += len(decoded.values)
        counts["structures"] += decoded.structures
        for problem in [*own.problems, *decoded.problems]:
            problems[problem.kind].append(problem)
    print(dict(counts))  # noqa: T201  a report on the terminal
    for kind, found in sorted(problems.items()):
        sources = Counter(each.source for each in found)
        print(f"{len(found):6} {kind} in {dict(sources)}")  # noqa: T201  a report on the terminal
        print(f"       e.g. {found[0].source} {found[0].node}: {found[0].detail}")  # noqa: T201  a report on the terminal


if __name__ == "__main__":
    main()
