"""What the witnesses say of one region."""

from datetime import datetime

from openova_console.handbook.speech import span
from openova_console.handbook.witnesses import Finding, Outcome, Quorum, count
from openova_console.handbook.words import Judgement, young
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import WitnessRow
from openova_console.watch.snapshot import Snapshot

_CAME_BACK = frozenset({Outcome.ANSWER, Outcome.NXDOMAIN, Outcome.EMPTY, Outcome.SERVFAIL, Outcome.REFUSED})
"""Outcomes that only a witness that was reached can give."""


def witness_row(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> WitnessRow:
    budget = settings.freshness.witnesses_s
    if not region.probe_zone:
        silent, needed = len(settings.witnesses.resolvers), settings.witnesses.quorum
        judgement = Judgement.unknown(f"Not configured: add probe_zone to {region.display} in the settings")
        return WitnessRow(region, Quorum(Finding.NO_QUORUM, 0, 0, silent, needed, False, judgement), (), None)
    known = (snapshot.witnesses.get((region.id, resolver.name)) for resolver in settings.witnesses.resolvers)
    facts = tuple(w for w in known if w is not None)
    fresh = [w for w in facts if young((now - w.asked_at).total_seconds(), budget)]
    everyone = [w for w in snapshot.witnesses.values() if young((now - w.asked_at).total_seconds(), budget)]
    quorum = count(
        [w.ballot.vote for w in fresh],
        configured=len(settings.witnesses.resolvers),
        needed=settings.witnesses.quorum,
        region=region.display,
        weak_transport=settings.witnesses.transport == "udp",
        any_control_answered=not everyone or any(w.control is not None and w.control.outcome in _CAME_BACK for w in everyone),
    )
    if not fresh:
        asked = max((w.asked_at for w in facts), default=None)
        reason = f"the last answers are {span((now - asked).total_seconds())} old" if asked else "no witness was asked yet"
        judgement = Judgement.unknown(f"Not known, {reason}")
        quorum = Quorum(Finding.NO_QUORUM, 0, 0, quorum.abstaining, quorum.needed, False, judgement)
    return WitnessRow(region, quorum, facts, min((w.asked_at for w in facts), default=None))
