"""The part of PromQL that the lab answers: one selector, with or without a range.

`up`, `up{job="a"}`, `{__name__=~"a|b",region!="c"}[300s]`. What breaks the grammar of a selector gets the parse error
that Prometheus 2.42 gives; a whole expression (functions, operators, offsets) is refused in words, because a lab that
guessed at it would be kinder than the real thing.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS_S = (365 * 86400, 7 * 86400, 86400, 3600, 60, 1, 0.001)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


class BadQuery(Exception):
    """The query is not PromQL; the message is the one of Prometheus."""


class NotAnswered(Exception):
    """The query may well be PromQL, but it is more than the lab answers."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label."""

    label: str
    operator: str
    value: str

    def holds(self, labels: dict[str, str]) -> bool:
        """Whether it holds; a label that is missing counts as empty, and a pattern must match all of the value."""
        have = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (have == self.value) is (self.operator == "=")
        return (re.fullmatch(self.value, have) is not None) is (self.operator == "=~")


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector; `range_s` is None for an instant one."""

    matchers: tuple[Matcher, ...]
    range_s: float | None

    def picks(self, labels: dict[str, str]) -> bool:
        """Whether the series with these labels (with `__name__`) is selected."""
        return all(m.holds(labels) for m in self.matchers)


def parse(query: str) -> Selector:
    """Read a query.

    Raises:
        BadQuery: it is not PromQL.
        NotAnswered: it is more than one selector.
    """
    return _Parser(query).selector()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def selector(self) -> Selector:
        self._space()
        if self._at == len(self._text):
            self._bad(0, "no expression found in input")
        if self._text[self._at] == "}":
            self._bad(self._at, "unexpected character: '}'")
        start = self._at
        matchers: list[Matcher] = []
        name = _NAME.match(self._text, self._at)
        if name:
            self._at = name.end()
            matchers.append(Matcher("__name__", "=", name.group()))
        self._space()
        if self._peek() == "{":
            self._at += 1
            self._matchers(matchers, start)
        elif not name:
            self._more()
        if all(m.holds({}) for m in matchers):
            self._bad(start, "vector selector must contain at least one non-empty matcher")
        self._space()
        range_s = self._range() if self._peek() == "[" else None
        self._space()
        if self._at < len(self._text):
            self._more()
        return Selector(tuple(matchers), range_s)

    def _matchers(self, matchers: list[Matcher], start: int) -> None:
        while True:
            self._space()
            if self._peek() == "}":
                self._at += 1
                return
            at = self._at
            label = self._token(_LABEL)
            self._space()
            operator = self._token(_OPERATOR)
            self._space()
            value = self._string()
            if operator in ("=~", "!~"):
                _check_pattern(value, at)
            if label == "__name__" and operator == "=" and matchers and matchers[0].label == "__name__":
                self._bad(start, f'metric name must not be set twice: "{matchers[0].value}" or "{value}"')
            matchers.append(Matcher(label, operator, value))
            self._space()
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != "}":
                self._inside()

    def _string(self) -> str:
        quote = self._peek()
        if quote not in ('"', "'", "`"):
            self._inside()
        start = self._at
        self._at += 1
        while self._peek() not in (quote, ""):
            self._at += 2 if self._peek() == "\\" and quote != "`" else 1
        if self._peek() == "":
            self._bad(start, "unterminated quoted string")
        body = self._text[start + 1 : self._at]
        self._at += 1
        return body if quote == "`" else _ESCAPE.sub(lambda m: _ESCAPES.get(m.group(1), m.group(0)), body)

    def _range(self) -> float:
        start = self._at + 1
        end = self._text.find("]", start)
        text = self._text[start : end if end >= 0 else len(self._text)].strip()
        if ":" in text:
            self._more()
        if end < 0 or not text:
            self._bad(start, "missing unit character in duration")
        match = _DURATION.fullmatch(text)
        if match is None:
            self._bad(start, f'bad duration syntax: "{re.split("[^0-9]", text)[0]}"')
        seconds = sum(int(part) * unit for part, unit in zip(match.groups(), _UNITS_S, strict=True) if part)
        if seconds <= 0:
            self._bad(start, "duration must be greater than 0")
        self._at = end + 1
        return float(seconds)

    def _more(self) -> NoReturn:
        """The text goes on where a selector ends: a syntax error that is told apart here, or a larger expression."""
        rest = self._text[self._at :]
        if self._text.count("(") > self._text.count(")"):
            self._bad(len(self._text), "unclosed left parenthesis")
        word = _NAME.match(rest)
        operators = ("and", "or", "unless", "offset", "bool", "by", "without", "atan2")
        if word and self._at and word.group().lower() not in operators:
            self._bad(self._at, f'unexpected identifier "{word.group()}"')
        if rest[0] in "}$&?;~":
            self._bad(self._at, f"unexpected character: {rest[0]!r}")
        raise NotAnswered(
            'the lab answers one selector, such as up{job="x"} or {__name__=~"a|b"}[300s]; functions, operators and '
            "sub-queries need a real Prometheus"
        )

    def _token(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            self._inside()
        self._at = match.end()
        return match.group()

    def _inside(self) -> NoReturn:
        if self._at >= len(self._text):
            self._bad(len(self._text), "unexpected end of input inside braces")
        self._bad(self._at, f"unexpected character inside braces: {self._text[self._at]!r}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _space(self) -> None:
        while self._peek() and (self._peek() in " \t\r\n" or self._peek() == "#"):
            if self._peek() == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            else:
                self._at += 1

    def _bad(self, at: int, what: str) -> NoReturn:
        line = self._text.count("\n", 0, at) + 1
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        raise BadQuery(f"{line}:{column}: parse error: {what}")


def _check_pattern(value: str, at: int) -> None:
    try:
        re.compile(value)
    except re.error as error:
        kind = "missing closing )" if "unterminated subpattern" in error.msg else error.msg
        raise BadQuery(f"1:{at + 1}: parse error: error parsing regexp: {kind}: `^(?:{value})$`") from None
