"""Which alerts a person asked to see: by severity, region, state and words, a page at a time.

Looks through what was collected; nothing is asked of Alertmanager. Pure, and meant for a thread: ten thousand alerts take
some ten milliseconds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from openova_console.handbook.alerts import ORDER, Alert, AlertEvidence, Severity

PAGE = 50
STATES = ("firing", "suppressed", "all")


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked.

    Attributes:
        severity: None is every severity; `region` is an id, empty is every region.
        state: one of `STATES`.
        words: all of them must occur in the alert's labels, annotations or receivers, whatever their case.
        page: from 1.
    """

    severity: Severity | None = None
    region: str = ""
    state: str = "firing"
    words: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the answer, worst severity first, newest first.

    Attributes:
        alerts: (region id, alert).
        total: how many match on all pages; `page` and `pages` count from 1.
        by_severity: how many match the rest of the question, whatever their severity.
    """

    alerts: tuple[tuple[str, Alert], ...]
    total: int
    page: int
    pages: int
    by_severity: Mapping[Severity, int]


def search(evidence: Mapping[str, AlertEvidence], query: Query) -> Found:
    """The page of `query`; a page beyond the last is the last. The regions' alerts stay apart, whatever their labels."""
    words = query.words.lower().split()
    found = [
        (region, alert)
        for region, said in evidence.items()
        if query.region in ("", region)
        for alert in said.alerts
        if _asked(alert, query.state, words)
    ]
    by_severity = Counter(alert.severity for _, alert in found)
    if query.severity is not None:
        found = [one for one in found if one[1].severity is query.severity]
    rank = {severity: place for place, severity in enumerate(ORDER)}
    found.sort(key=lambda one: _order(one[1], rank))
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(1, query.page), pages)
    return Found(tuple(found[(page - 1) * PAGE : page * PAGE]), len(found), page, pages, by_severity)


def _asked(alert: Alert, state: str, words: Sequence[str]) -> bool:
    if state != "all" and alert.suppressed is not (state == "suppressed"):
        return False
    return all(word in alert.text for word in words)


def _order(alert: Alert, rank: Mapping[Severity, int]) -> tuple[bool, int, float, str]:
    newest = -alert.since.timestamp() if alert.since else float("-inf")
    return alert.suppressed, rank[alert.severity], newest, alert.fingerprint


def parse(asked: Mapping[str, object], regions: Sequence[str]) -> tuple[Query, str]:
    """A query from an address's parameters, and the sentence about the first that cannot be read; empty when all can.

    Args:
        asked: "severity", "region", "state", "q", "page"; absent or empty ones have their default.
        regions: ids of the configured regions.
    """
    query = Query()
    severity, region, state, words, page = (_given(asked, name) for name in ("severity", "region", "state", "q", "page"))
    if severity:
        if severity not in set(Severity):
            return query, f"There is no such severity. There are: {', '.join(Severity)}."
        query = replace(query, severity=Severity(severity))
    if region:
        if region not in regions:
            return query, f"There is no such region. Configured: {', '.join(regions)}."
        query = replace(query, region=region)
    if state:
        if state not in STATES:
            return query, f"There is no such state. There are: {', '.join(STATES)}."
        query = replace(query, state=state)
    if len(words) > 200:
        return query, "What to look for is too long: at most 200 characters."
    if page and not (page.isascii() and page.isdecimal() and 1 <= len(page) <= 6 and int(page) >= 1):
        return query, "There is no such page: pages are numbered from 1."
    return replace(query, words=" ".join(words.split()), page=int(page) if page else 1), ""


def _given(asked: Mapping[str, object], name: str) -> str:
    """A parameter as text; what is no text is taken for a value that nothing accepts."""
    value = asked.get(name, "")
    return value if isinstance(value, str) else "?" * 201
