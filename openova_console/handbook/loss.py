"""What would be lost if the primary region died now, over all replicated services, and how sure that is.

Handbook, "Data Replication": each service has its own recovery point objective. The sum is only as good as its weakest
part: a service whose loss is not known is named, never counted as nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from openova_console.handbook.replication import Assessment
from openova_console.handbook.speech import listing, size, span
from openova_console.handbook.words import Verdict

_NAMED = 4


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss over all services.

    Attributes:
        sentence: what would be lost, as a person reads it.
        confidence: how much of that is measured, in words.
        known, total: services whose loss is known, and all of them.
        longest_s: seconds of writes of the service that would lose most; None when none is known.
        bytes: the known bytes at risk together; None when no service counts bytes.
        unknown: titles of the services whose loss is not known.
    """

    sentence: str
    confidence: str
    known: int
    total: int
    longest_s: float | None
    bytes: float | None
    unknown: tuple[str, ...]


def loss(region: str, rows: Sequence[tuple[str, Assessment]]) -> Loss:
    """Add up what would be lost.

    Args:
        region: display name of the region whose writes are at risk.
        rows: title and assessment of each service.
    """
    known = [(title, a.lag_s) for title, a in rows if a.lag_s is not None and a.judgement.verdict is not Verdict.UNKNOWN]
    unknown = tuple(title for title, a in rows if title not in {t for t, _ in known})
    counted = [a.at_risk_bytes for title, a in rows if a.at_risk_bytes is not None and title not in unknown]
    at_risk = sum(counted) if counted else None
    longest = max(known, key=lambda k: k[1], default=None)
    confidence = f"known for {len(known)} of {len(rows)} services"
    if longest is None:
        sentence = f"If {region} died now, what would be lost is not known"
        return Loss(sentence, confidence, 0, len(rows), None, at_risk, unknown)
    what = f"up to {span(longest[1])} of writes ({longest[0]})" if longest[1] > 0 else "nothing that is measured"
    parts = [f"If {region} died now: {what}"]
    if at_risk:
        parts.append(f"{size(at_risk)} of what is counted in bytes")
    if unknown:
        parts.append(f"not known for {_names(unknown)}")
    return Loss("; ".join(parts), confidence, len(known), len(rows), longest[1], at_risk, unknown)


def _names(titles: Sequence[str]) -> str:
    if len(titles) <= _NAMED:
        return listing(list(titles))
    return f"{', '.join(titles[: _NAMED - 1])} and {len(titles) - _NAMED + 1} more"
