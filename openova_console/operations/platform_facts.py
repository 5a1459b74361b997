"""Decision facts about the platform, for kinds to name in `facts=`: roles, holders and fencing tokens, quorum, loss by band.

Each function takes the evidence and gives facts by key. A fact that is not known is a fact as well, and the worst one: an
approval that was given while something was known does not outlive that knowledge.
"""

from collections.abc import Iterable, Mapping

from openova_console.handbook.replication import Service
from openova_console.handbook.witnesses import Finding
from openova_console.operations.evidence import Evidence, Freshness, Item
from openova_console.operations.facts import BANDS_S, HOLDER_FACTS, Fact, band

NOT_KNOWN = "not known"
_ROLES = {False: Fact(value="standby", rank=0), True: Fact(value="active", rank=1)}


def role_facts(evidence: Evidence, regions: Iterable[str], *, either_way: bool = False) -> Mapping[str, Fact]:
    """Which role each region has: a standby that became active is worse, because users are served there now.

    Args:
        either_way: any change of role counts, as for what was planned for exactly this role.
    """
    found: dict[str, Fact] = {}
    for region in regions:
        item = evidence.get(f"region.{region}.active")
        fact = _ROLES[bool(item.value)] if _told(item) else Fact(value=NOT_KNOWN, rank=len(_ROLES))
        found[f"role of {region}"] = Fact(value=fact.value) if either_way else fact
    return found


def lease_facts(evidence: Evidence, regions: Iterable[str]) -> Mapping[str, Fact]:
    """Holder and fencing token of the lease in each region. Their keys begin with `HOLDER_FACTS`: one that moved stops
    a run that another process began."""
    found: dict[str, Fact] = {}
    for region in regions:
        item = evidence.get(f"region.{region}.lease")
        told = item.value if _told(item) else None
        holder = NOT_KNOWN if told is None else (told["holder"] or "nobody") if told["installed"] else "no lease"
        token = NOT_KNOWN if told is None else str(told["transitions"]) if told["installed"] else "none"
        found[f"{HOLDER_FACTS}holder in {region}"] = Fact(value=holder)
        found[f"{HOLDER_FACTS}fencing token in {region}"] = Fact(value=token)
    return found


def quorum_facts(evidence: Evidence, wanted: Mapping[str, Finding]) -> Mapping[str, Fact]:
    """What the witnesses say of each region. Best is what is wanted without dissent, worst the opposite and not knowing.

    Args:
        wanted: region id → what a decision rests on: `REACHABLE` or `UNREACHABLE`.
    """
    found: dict[str, Fact] = {}
    for region, want in wanted.items():
        item, key = evidence.get(f"quorum.{region}"), f"quorum on {region}"
        if not item.known:
            found[key] = Fact(value=NOT_KNOWN, rank=4)
            continue
        finding, dissent = Finding(item.value["finding"]), bool(item.value["dissent"])
        rank = int(dissent) if finding is want else 2 if finding is Finding.NO_QUORUM else 3
        found[key] = Fact(value=f"{finding.value}, against one vote or more" if dissent else finding.value, rank=rank)
    return found


def loss_facts(evidence: Evidence) -> Mapping[str, Fact]:
    """What each service would lose, rounded up to its band, and all of them together."""
    keys = {f"loss of {service.value}": f"replication.{service.value}" for service in Service} | {"loss in all": "loss"}
    return {fact: _loss(evidence.get(key)) for fact, key in keys.items()}


def _loss(item: Item) -> Fact:
    if not _told(item) or item.value["loss_s"] is None:
        return Fact(value=NOT_KNOWN, rank=len(BANDS_S) + 1)
    return band(float(item.value["loss_s"]))


def _told(item: Item) -> bool:
    """Whether the item says something: now, or when contact was lost."""
    return item.known or (item.freshness is Freshness.LAST and item.value is not None)
