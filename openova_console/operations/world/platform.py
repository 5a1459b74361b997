"""Who accepts writes, over both regions, and whether the platform's own failover controller is at work."""

from collections.abc import Mapping
from datetime import datetime

from openova_console.handbook.speech import listing
from openova_console.operations.evidence import Freshness, Item, unknown
from openova_console.operations.leases import running
from openova_console.settings import Settings


def activity(settings: Settings, found: Mapping[str, Item]) -> Item:
    """Which regions accept writes: "both", "one" or "none", with their ids. As good as the worst of its readings."""
    items = {r.id: found[f"region.{r.id}.active"] for r in settings.regions}
    for region in settings.regions:
        if items[region.id].freshness in (Freshness.UNKNOWN, Freshness.STALE):
            return unknown(f"whether {region.display} accepts writes is not known: {items[region.id].sentence}")
    active = [id_ for id_, item in items.items() if item.value]
    word = {0: "none", 1: "one"}.get(len(active), "both")
    last = any(item.freshness is Freshness.LAST for item in items.values())
    names = [r.display for r in settings.regions if r.id in active]
    said = {"none": "no region accepts writes", "both": "both regions accept writes"}.get(
        word, f"{listing(names)} accepts writes"
    )
    return Item(
        freshness=Freshness.LAST if last else Freshness.FRESH,
        value={"word": word, "active": active},
        sentence=said,
        observed_at=min((item.observed_at for item in items.values() if item.observed_at), default=None),
    )


def controller(settings: Settings, found: Mapping[str, Item], now: datetime) -> Item:
    """Whether the platform's failover controller renews a lease in any region. Its mode is "" until somebody reads it."""
    holders: list[str] = []
    observed: list[datetime] = []
    freshness = Freshness.FRESH
    for region in settings.regions:
        item = found[f"region.{region.id}.lease"]
        if item.freshness in (Freshness.UNKNOWN, Freshness.STALE):
            return unknown(f"the failover controller's lease in {region.display} is not known: {item.sentence}")
        if item.freshness is Freshness.LAST:
            freshness = Freshness.LAST
        runs = running(item.value, region.id, now) if item.value["installed"] else False
        if runs is None:
            return unknown(f"the failover controller's lease in {region.display} does not say how long it is held")
        if runs:
            holders.append(str(item.value["holder"]))
        observed += [item.observed_at] if item.observed_at else []
    held = sorted(set(holders))
    sentence = (
        f"the failover controller renews its lease for {listing(held)}" if held else "no failover controller renews a lease"
    )
    value = {"running": bool(held), "holders": held, "mode": ""}
    return Item(freshness=freshness, value=value, sentence=sentence, observed_at=min(observed, default=None))
