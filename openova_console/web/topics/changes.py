"""Changes as every page shows them: how many wait, run or ask; freezes, incidents; what is not known of the other console."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx

from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.evidence import Freshness
from openova_console.settings import Settings
from openova_console.web.books import Seen
from openova_console.web.present import iso


@dataclass(frozen=True, slots=True)
class BrakeLine:
    """One freeze or incident. `until` is an instant, "" when it has no end. `here`: whether this console may end it."""

    id: str
    kind: str
    title: str
    reason: str
    by: str
    since: str
    until: str
    here: bool


class ChangesPanel(rx.State):
    """What the books say, for everybody alike. `stamp` is another one whenever anything may have changed."""

    stamp: str = ""
    waiting: str = ""
    busy: str = ""
    asking: bool = False
    title_mark: str = ""
    freezes: list[BrakeLine] = []
    incidents: list[BrakeLine] = []
    others_note: str = ""
    reviews: str = ""
    trouble: str = ""
    notice_id: str = ""
    notice_title: str = ""
    notice_text: str = ""
    notice_link: str = ""
    notice_at: str = ""


OTHERS_FRESH_S = 60.0
"""The other console's freezes are read every few seconds; what was read longer ago than this is not known any more."""


def values(seen: Seen, settings: Settings, now: datetime) -> Mapping[str, Any]:
    """The panel's vars at `now`."""
    waiting, running, asking = (seen.counts.get(name, 0) for name in ("waiting", "running", "asking"))
    age_s = seen.others.age_s(now)
    known = seen.others.freshness is Freshness.FRESH and age_s is not None and age_s <= OTHERS_FRESH_S
    others = seen.others.value if known else None
    here = settings.region(settings.console.looks_from).display
    there = next((r.display for r in settings.regions if r.id != settings.console.looks_from), "")
    return {
        "stamp": seen.stamp,
        "waiting": str(waiting or ""),
        "busy": str(running or ""),
        "asking": asking > 0,
        "title_mark": f"({waiting}) " if waiting else "",
        "freezes": [
            *(_freeze(document, settings, here, mine=True) for document in seen.freezes),
            *(_freeze(document, settings, there, mine=False) for document in others or ()),
        ],
        "incidents": [
            BrakeLine(row.id, "incident", row.title, "", row.by, iso(row.at), iso(row.ends_at), True) for row in seen.incidents
        ],
        "others_note": _others_note(seen, there) if not known and settings.operations.other_console and there else "",
        "reviews": str(seen.reviews or ""),
        "trouble": seen.trouble,
        "notice_id": seen.notice.id if seen.notice is not None else "",
        "notice_title": seen.notice.title if seen.notice is not None else "",
        "notice_text": seen.notice.text if seen.notice is not None else "",
        "notice_at": iso(seen.notice.at) if seen.notice is not None else "",
        "notice_link": seen.notice.link if seen.notice is not None else "",
    }


def scope_words(settings: Settings, scope: str, value: str) -> str:
    """What a freeze stops, in words."""
    if scope == "region":
        display = {r.id: r.display for r in settings.regions}.get(value, value)
        return f"Changes of {display} are frozen"
    if scope == "kind":
        return f"“{CATALOGUE[value].title if value in CATALOGUE else value}” is frozen"
    return "Every change is frozen"


def _freeze(document: Mapping[str, Any], settings: Settings, console: str, *, mine: bool) -> BrakeLine:
    by = document["by"] if mine else f"{document['by']}, at {console}'s console"
    title = scope_words(settings, document["scope"], document["value"])
    since, until = datetime.fromisoformat(document["at"]), document["until"]
    end = iso(datetime.fromisoformat(until)) if until else ""
    return BrakeLine(document["id"], "freeze", title, document["reason"], by, iso(since), end, mine)


def _others_note(seen: Seen, there: str) -> str:
    why = "it was last read too long ago" if seen.others.freshness is Freshness.FRESH else seen.others.sentence
    return f"What {there}'s console has frozen is not known ({why}): changes are held until it is."
