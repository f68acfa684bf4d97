"""Whether HasSubtype puts types in an order (Part 3 v1.05 7.10): no circles, and no chain without end.

Whatever files say, the work grows with the number of references alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nodesets.names import NodeName

DEEPEST = 100
"""So many supertypes a type may have in a row; published types have up to 12."""
_MOST_CIRCLES = 100
_SHOWN = 12

Supertypes = Mapping[NodeName, Sequence[NodeName]]
"""The direct supertypes of each type."""


def circles(supertypes: Supertypes) -> Iterator[list[NodeName]]:
    """Give circles, from a type over its supertypes back to it; of very many the first hundred."""
    done: set[NodeName] = set()
    found = 0
    for start in supertypes:
        path: list[NodeName] = []
        depths: dict[NodeName, int] = {}
        pending: list[tuple[NodeName, int]] = [(start, 0)]
        while pending:
            name, depth = pending.pop()
            for left in path[depth:]:
                del depths[left]
            del path[depth:]
            if name in depths:
                yield [*path[depths[name] :], name]
                found += 1
                if found == _MOST_CIRCLES:
                    return
            elif name not in done:
                depths[name] = depth
                path.append(name)
                done.add(name)
                pending.extend((supertype, depth + 1) for supertype in supertypes.get(name, ()))


def too_deep(supertypes: Supertypes) -> list[NodeName]:
    """Give the types that are the first, of a chain, to have more than :data:`DEEPEST` supertypes in a row."""
    below: dict[NodeName, list[NodeName]] = {}
    waiting: dict[NodeName, int] = {}
    for name, above in supertypes.items():
        waiting[name] = len(above)
        for one in above:
            below.setdefault(one, []).append(name)
    levels = {name: 0 for name in below if name not in waiting}
    ready = list(levels)
    for name in ready:
        level = levels[name] + 1
        for one in below.get(name, ()):
            levels[one] = max(levels.get(one, 0), level)
            waiting[one] -= 1
            if waiting[one] == 0:
                ready.append(one)
    return [name for name, level in levels.items() if level == DEEPEST + 1]


def shown(circle: Sequence[NodeName]) -> str:
    """Give a circle as a text, a long one without its middle."""
    names = [str(name) for name in circle[:_SHOWN]]
    if len(circle) > _SHOWN:
        names += (
            [f"… ({len(circle) - _SHOWN - 1} more)", str(circle[-1])] if len(circle) > _SHOWN + 1 else [str(circle[-1])]
        )
    return " -> ".join(names)
