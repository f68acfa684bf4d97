"""Texts with parameters in braces, such as ``holding:{base+10}/float32`` or ``DB{db}.REAL{4*(n-1)}``.

Between braces stands an expression: a parameter's name, a whole number, or ``+ - *`` and parentheses over these. A name
alone is the parameter's text as it is; in arithmetic it must be a whole number. ``{{`` and ``}}`` are braces. Nothing
else is understood, so that a table never executes anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from core.errors import PlantspaceError
from core.settings import nearest

LONGEST = 1000
"""Characters of a template."""
DEEPEST = 20
"""Parentheses within each other, and signs in a row."""
LARGEST = 2**63 - 1
"""No number on the way may be larger, nor smaller than its negative."""

_WORD = re.compile(r"\s*([0-9]+|[A-Za-z_][A-Za-z0-9_]*|[-+*()])")
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_PIECE = re.compile(r"\{\{|\}\}|[{}]")

Number = Callable[[Mapping[str, str]], int]
"""Works an expression out for the texts of its parameters."""


class TemplateError(PlantspaceError):
    """A template cannot be understood, or not be filled in. ``column`` counts from 1 inside the template."""

    def __init__(self, problem: str, mend: str, column: int) -> None:
        """Say what is wrong, what would be right, and where."""
        self.problem = problem
        self.mend = mend
        self.column = column
        super().__init__(f"{problem} ({mend})")


@dataclass(frozen=True, slots=True)
class _Hole:
    """An expression in a template. ``name`` is given where it is a parameter's name and nothing else."""

    column: int
    name: str
    number: Number
    names: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes."""

    parts: tuple[str | _Hole, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template. Raises :class:`TemplateError`."""
        if len(text) > LONGEST:
            problem = f"the template has more than {LONGEST} characters"
            raise TemplateError(problem, "shorten it", 1)
        return cls(tuple(_parts(text)))

    @property
    def is_constant(self) -> bool:
        """Tell whether the text is the same for all parameters."""
        return all(isinstance(part, str) for part in self.parts)

    def check(self, known: tuple[str, ...]) -> None:
        """Raise :class:`TemplateError` for a parameter that is none of those ``known``."""
        for part in self.parts:
            for name, column in part.names if isinstance(part, _Hole) else ():
                if name not in known:
                    near = nearest(name, known)
                    every = f"parameters are {', '.join(known)}" if known else "the instances have no parameters"
                    mend = f"did you mean {near}?" if near else every
                    problem = f"there is no parameter {name!r}"
                    raise TemplateError(problem, mend, column)

    def fill(self, values: Mapping[str, str]) -> str:
        """Give the text for parameters, which must be known. Raises :class:`TemplateError` for what is no number."""
        texts: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            elif part.name:
                texts.append(values[part.name])
            else:
                texts.append(str(part.number(values)))
        return "".join(texts)


def _parts(text: str) -> Iterator[str | _Hole]:
    at = 0
    while (found := _PIECE.search(text, at)) is not None:
        if found.start() > at:
            yield text[at : found.start()]
        if found[0] == "{{" or found[0] == "}}":
            yield found[0][0]
            at = found.end()
        elif found[0] == "}":
            problem = "a } stands alone"
            raise TemplateError(problem, "write }} for the character itself", found.start() + 1)
        else:
            end = text.find("}", found.end())
            if end < 0:
                problem = "a { is not closed"
                raise TemplateError(problem, "close it with }, or write {{", found.start() + 1)
            yield _Expression(text[found.end() : end], found.end() + 1).read()
            at = end + 1
    if at < len(text):
        yield text[at:]


class _Expression:
    """Reads one expression: sums of products of factors."""

    def __init__(self, text: str, column: int) -> None:
        self._text = text
        self._column = column
        self._at = 0
        self._word = ""
        self._word_at = 0
        self._names: list[tuple[str, int]] = []
        self._depth = 0

    def read(self) -> _Hole:
        self._next()
        number = self._sum()
        if self._word:
            problem = f"{self._word!r} is not expected here"
            raise self._error(problem, "write an operator: + - *")
        name = self._text.strip()
        alone = len(self._names) == 1 and self._names[0][0] == name
        return _Hole(self._column, name if alone else "", number, tuple(self._names))

    def _next(self) -> None:
        match = _WORD.match(self._text, self._at)
        if match is None:
            rest = self._text[self._at :]
            self._word_at = self._at + len(rest) - len(rest.lstrip())
            self._word = ""
            if rest.strip():
                problem = f"{rest.strip()[0]!r} means nothing here"
                raise self._error(problem, "use names, whole numbers, + - * and ( )")
            return
        self._word, self._word_at, self._at = match[1], match.start(1), match.end()

    def _sum(self) -> Number:
        total = self._product()
        while self._word in ("+", "-"):
            sign, column = self._word, self._place
            self._next()
            total = _operation(sign, total, self._product(), column)
        return total

    def _product(self) -> Number:
        total = self._factor()
        while self._word == "*":
            column = self._place
            self._next()
            total = _operation("*", total, self._factor(), column)
        return total

    def _factor(self) -> Number:
        word, column = self._word, self._place
        self._depth += 1
        if self._depth > DEEPEST:
            problem = "this is nested too deep"
            raise self._error(problem, "write it shorter")
        if word == "(":
            self._next()
            number = self._sum()
            if self._word != ")":
                problem = "a ( is not closed"
                raise self._error(problem, "close it with )")
            self._next()
        elif word == "-":
            self._next()
            number = _operation("-", _constant(0), self._factor(), column)
        elif word[:1].isdigit():
            if len(word) > len(str(LARGEST)) or int(word) > LARGEST:
                problem = "the number is too large"
                raise self._error(problem, f"write at most {LARGEST}")
            self._next()
            number = _constant(int(word))
        elif word and word not in "+*)":
            self._names.append((word, column))
            self._next()
            number = _parameter(word, column)
        else:
            found = f"before {word!r}" if word else "at the end"
            problem = f"a name or a number is missing {found}"
            raise self._error(problem, "write for example {base+10}")
        self._depth -= 1
        return number

    @property
    def _place(self) -> int:
        return self._column + self._word_at

    def _error(self, problem: str, mend: str) -> TemplateError:
        return TemplateError(problem, mend, self._place)


def _constant(number: int) -> Number:
    return lambda _: number


def _parameter(name: str, column: int) -> Number:
    def number(values: Mapping[str, str]) -> int:
        text = values[name].strip()
        if _NUMBER.fullmatch(text) is None or abs(int(text)) > LARGEST:
            problem = f"the parameter {name!r} is {text[:40]!r}, which is no whole number to calculate with"
            raise TemplateError(problem, "write a number such as 100", column)
        return int(text)

    return number


def _operation(sign: str, left: Number, right: Number, column: int) -> Number:
    def number(values: Mapping[str, str]) -> int:
        one, other = left(values), right(values)
        result = one + other if sign == "+" else one - other if sign == "-" else one * other
        if abs(result) > LARGEST:
            problem = f"{one} {sign} {other} is too large"
            raise TemplateError(problem, f"keep numbers below {LARGEST}", column)
        return result

    return number
