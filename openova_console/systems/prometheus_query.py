"""Instant queries that Prometheus evaluates itself: growth of counters over windows too long to be read sample by sample.

One question holds several windows, joined with `or`; a label that the question adds says which part of the answer is which.
Two traps are answered in the question. An instant answer is stamped with the time of the question, so it says nothing of
freshness: that is read from raw samples (`prometheus.window`). And `increase()` over a window that reaches back before the
first sample quietly covers less: so each part also asks whether there were samples when its window began.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openova_console.systems import shape
from openova_console.systems.exchange import Exchange
from openova_console.systems.prometheus import Prometheus, escape, number, warnings

PART = "console_part"
_NAME = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
_LABEL = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")


@dataclass(frozen=True, slots=True)
class Grouped:
    """A counter whose growth is summed up by one of its labels.

    Attributes:
        name: what the caller calls it: letters only.
        matchers: labels that must equal these values; `pattern` is a regular expression for the label `by`, empty for any.
    """

    name: str
    metric: str
    by: str
    matchers: Mapping[str, str]
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of one counter over one window, by the value of its label.

    `covered` is False when there was no sample as the window began: the figures are then of a shorter time.
    """

    by: Mapping[str, float]
    covered: bool


@dataclass(frozen=True, slots=True)
class Growths:
    """The answer, by (name, window in seconds). `warnings` as in `prometheus.Window`."""

    found: Mapping[tuple[str, int], Growth]
    warnings: tuple[str, ...]
    exchange: Exchange


async def growth(api: Prometheus, counters: Sequence[Grouped], windows: Sequence[int]) -> Growths:
    """How much each counter grew over each of the windows (seconds) that end now, in one query.

    Raises:
        Fault: as `Prometheus.window`; `Malformed` when a part of the answer belongs to no part of the question.
    """
    answer = await api.ask(question(counters, windows))
    values: dict[tuple[str, int], dict[str, float]] = {(c.name, w): {} for c in counters for w in windows}
    covered: set[tuple[str, int]] = set()
    by = {c.name: c.by for c in counters}
    for index, metric, value in _vector(api.source, answer.document):
        kind, _, rest = metric.get(PART, "").partition("/")
        name, _, window = rest.partition("/")
        key = (name, int(window)) if window.isdecimal() and len(window) < 12 else ("", 0)
        if key not in values or kind not in ("grown", "began"):
            raise shape.malformed(api.source, ("data", "result", index, "metric", PART), "a part of the question")
        if kind == "began":
            covered.add(key)
        else:
            values[key][metric.get(by[name], "")] = value
    found = {key: Growth(grown, key in covered) for key, grown in values.items()}
    return Growths(found, warnings(api.source, answer.document), answer.exchange)


def question(counters: Sequence[Grouped], windows: Sequence[int]) -> str:
    """The PromQL of `growth`. Raises ValueError for names that Prometheus would not accept, and for an empty question."""
    names_fit = all(_NAME.match(c.metric) and c.name.isalpha() and _LABEL.match(c.by) for c in counters)
    if not counters or not windows or not names_fit or min(windows) <= 0:
        raise ValueError("a question needs valid metric and label names and windows of positive length")
    return " or ".join(part for c in counters for w in windows for part in _parts(c, w))


def _parts(counter: Grouped, window: int) -> Iterator[str]:
    picked = selector(counter)
    yield _named(f"sum by ({counter.by}) (increase({picked}[{window}s]))", f"grown/{counter.name}/{window}")
    yield _named(f"count({picked} offset {window}s)", f"began/{counter.name}/{window}")


def selector(counter: Grouped) -> str:
    """The counter's series in PromQL. Raises ValueError for a label that Prometheus would not accept."""
    if not all(_LABEL.match(label) for label in counter.matchers):
        raise ValueError("matchers need valid label names")
    parts = [f'{label}="{escape(value)}"' for label, value in counter.matchers.items()]
    if counter.pattern:
        parts.append(f'{counter.by}=~"{escape(counter.pattern)}"')
    return f"{counter.metric}{{{','.join(parts)}}}" if parts else counter.metric


def _named(expression: str, name: str) -> str:
    return f'label_replace({expression}, "{PART}", "{name}", "", "")'


def _vector(source: str, document: Any) -> Iterator[tuple[int, dict[str, str], float]]:
    """Index, labels and value of each element of an instant answer. Raises `Malformed`."""
    status = shape.require(source, document, "status", kind=str)
    if status != "success":
        raise shape.malformed(source, ("status",), '"success" in an answer with status 200')
    kind = shape.require(source, document, "data", "resultType", kind=str)
    if kind != "vector":
        raise shape.malformed(source, ("data", "resultType"), '"vector"')
    shape.require(source, document, "data", "result", kind=list)
    for index, row in enumerate(shape.rows(source, document, "data", "result")):
        path = ("data", "result", index)
        metric = shape.require(source, row, "metric", kind=dict)
        if not all(isinstance(v, str) for v in metric.values()):
            raise shape.malformed(source, (*path, "metric"), "labels of text")
        pair = shape.require(source, row, "value", kind=list)
        if len(pair) != 2 or not isinstance(pair[1], str):
            raise shape.malformed(source, (*path, "value"), "a pair of time and text")
        yield index, metric, number(source, (*path, "value", 1), pair[1])
