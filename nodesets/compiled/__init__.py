"""A model as lines of JSON, exactly and fast: what a worker process hands over, and what is kept for the next start.

Lines are bytes without the line's end. What reads them trusts nothing in them: types, ranges and lengths are checked,
and what is wrong raises :class:`~nodesets.compiled.problems.CompiledError`.
"""
