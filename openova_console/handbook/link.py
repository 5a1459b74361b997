"""The link between the regions: WireGuard mesh or native peering (handbook, "Cross-Region Networking").

A WireGuard handshake happens about every two minutes *while packets flow*: an old handshake alone is no alarm when the
probe that crosses the link still gets through; a lost probe is.
"""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """When to warn: handshake age in seconds, round trip in milliseconds, lost probes in percent."""

    handshake_warn_s: float
    rtt_warn_ms: float
    loss_warn_percent: float


def judge_link(
    limits: LinkLimits,
    rtt_ms: Reading[float],
    loss_percent: Reading[float],
    handshake_age_s: Reading[float] | None,
    *,
    now: datetime,
    budget_s: float,
) -> Judgement:
    """Grade the link from the probe that crosses it; `handshake_age_s` is None for native peering."""
    loss = loss_percent.value
    if loss is None or not loss_percent.fresh(now, budget_s):
        return Judgement.unknown(f"Not known, {loss_percent.why_not_fresh(now, budget_s)}")
    if loss >= 100:
        return Judgement.breach("No probe gets through")
    rtt = rtt_ms.value
    if rtt is None or not rtt_ms.fresh(now, budget_s):
        return Judgement.unknown(f"Round trip not known, {rtt_ms.why_not_fresh(now, budget_s)}")
    findings = []
    if loss > limits.loss_warn_percent:
        findings.append(f"{loss:.3g} % of the probes are lost")
    if rtt > limits.rtt_warn_ms:
        findings.append(f"a round trip takes {rtt:.0f} ms")
    if handshake_age_s is not None:
        age = handshake_age_s.value
        if age is None or not handshake_age_s.fresh(now, budget_s):
            findings.append(f"handshake not known, {handshake_age_s.why_not_fresh(now, budget_s)}")
        elif age > limits.handshake_warn_s:
            findings.append(f"the last handshake was {span(age)} ago")
    if findings:
        return Judgement.warn("; ".join(findings)[0].upper() + "; ".join(findings)[1:])
    return Judgement.ok(f"{rtt:.0f} ms · {loss:.3g} % loss")
