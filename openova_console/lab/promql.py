"""The expressions that the console asks beyond a selector, computed from the world; anything else stays refused.

    label_replace(sum by (L) (increase(SELECTOR[Ns])), "NAME", "VALUE", "", "")
    label_replace(count(SELECTOR offset Ns), "NAME", "VALUE", "", "")

joined with `or`. A window of thirty days holds half a million scrapes of each series: only those that matter are computed.
Between two changes of the world a counter never falls, so its first and last scrape of each stretch say all.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from openova_console.handbook.counters import extrapolated
from openova_console.lab.metric import Series
from openova_console.lab.scrape import Sample, Scraper
from openova_console.lab.selectors import NotAnswered, Selector, parse

Element = tuple[dict[str, str], float]
_STRING: Final = r'"((?:[^"\\]|\\.)*)"'
_TAIL: Final = rf", {_STRING}, {_STRING}, \"\", \"\"\)"
_INCREASE: Final = re.compile(r"label_replace\(sum by \(([a-zA-Z_]\w*)\) \(increase\((.+)\)\)" + _TAIL, re.DOTALL)
_COUNT: Final = re.compile(r"label_replace\(count\((.+) offset (\d+)s\)" + _TAIL, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of an expression: growth summed up by `by`, or, with `by` None, how many series there were `ago_s` ago."""

    selector: Selector
    by: str | None
    ago_s: float
    label: str
    value: str


def terms(query: str) -> tuple[Term, ...]:
    """Read an expression.

    Raises:
        NotAnswered: it is not one of those that the console asks.
        BadQuery: a selector in it is not PromQL.
    """
    return tuple(_term(part) for part in _split(query.strip()))


def evaluate(found: Sequence[Term], scraper: Scraper, at: float) -> list[Element]:
    """The instant vector at unix time `at`: of equal label sets the one that stands further left, as `or` does."""
    result: dict[tuple[tuple[str, str], ...], float] = {}
    for term in found:
        for labels, value in _values(term, scraper, at):
            named = {**labels, term.label: term.value}
            result.setdefault(tuple(sorted((k, v) for k, v in named.items() if v)), value)
    return [(dict(labels), value) for labels, value in result.items()]


def _split(query: str) -> Iterator[str]:
    """The parts between the `or`s that stand outside of parentheses and quotes."""
    depth, quoted, start, at = 0, False, 0, 0
    while at < len(query):
        char = query[at]
        if quoted:
            at += char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif depth == 0 and query.startswith(" or ", at):
            yield query[start:at].strip()
            start = at + 4
        at += 1
    yield query[start:].strip()


def _term(text: str) -> Term:
    if match := _INCREASE.fullmatch(text):
        by, inner, label, value = match.groups()
        selector = parse(inner)
        if selector.range_s is not None:
            return Term(selector, by, selector.range_s, label, value)
    elif match := _COUNT.fullmatch(text):
        inner, ago, label, value = match.groups()
        selector = parse(inner)
        if selector.range_s is None:
            return Term(selector, None, float(ago), label, value)
    raise NotAnswered("not one of the console's expressions")


def _values(term: Term, scraper: Scraper, at: float) -> Iterator[Element]:
    picked = [s for s in scraper.series if term.selector.picks(s.metric)]
    if term.by is None:
        there = sum(scraper.instant(s, at - term.ago_s) is not None for s in picked)
        if there:
            yield {}, float(there)
        return
    sums: dict[str, float] = {}
    for series in picked:
        grown = _increase(scraper, series, at - term.ago_s, at)
        if grown is not None:
            group = series.metric.get(term.by, "")
            sums[group] = sums.get(group, 0.0) + grown
    yield from (({term.by: group}, value) for group, value in sums.items())


def _increase(scraper: Scraper, series: Series, start: float, end: float) -> float | None:
    """As Prometheus' increase(), from the first and the last scrape of each stretch between two changes of the world."""
    count, grown = 0, 0.0
    first: Sample | None = None
    last: Sample | None = None
    for begin, close, scrapes in scraper.stretches(series, start, end):
        count += scrapes
        for sample in (begin, close):
            if last is not None:
                grown += sample[1] - last[1] if sample[1] >= last[1] else sample[1]
            first, last = first or sample, sample
    if first is None or last is None or count < 2 or last[0] <= first[0]:
        return None
    return extrapolated(grown, first, last, count, start, end)
