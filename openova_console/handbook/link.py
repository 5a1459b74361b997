"""The link between the regions: WireGuard mesh or native peering (handbook, "Cross-Region Networking").

What counts is the newest probe: a share over minutes still reads "20 % lost" when a link has been dead for one of five.

A WireGuard handshake happens about every two minutes *while packets flow*: an old handshake alone is no alarm when the
probe that crosses the link still gets through; a lost probe is.
"""

from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """When to warn: handshake age in seconds, round trip in milliseconds, lost probes in percent of the last `window_s`."""

    window_s: float
    handshake_warn_s: float
    rtt_warn_ms: float
    loss_warn_percent: float


def judge_link(
    limits: LinkLimits,
    rtt_ms: Reading[float],
    loss_percent: Reading[float],
    newest_through: Reading[bool],
    handshake_age_s: Reading[float] | None,
    *,
    now: datetime,
    budget_s: float,
) -> Judgement:
    """Grade the link from the probe that crosses it.

    Args:
        limits: when to warn.
        rtt_ms: round trip of the last probe that got through, dated by that probe.
        loss_percent: share of the probes of the last minutes that were lost, dated by the newest one.
        newest_through: whether the newest probe got through.
        handshake_age_s: None for native peering.
        now: UTC.
        budget_s: how old a sample may be, in seconds.
    """
    loss, through = loss_percent.value, newest_through.value
    for reading in (loss_percent, newest_through):
        if reason := reading.why_not_fresh(now, budget_s):
            return Judgement.unknown(f"Not known, {reason}")
    if loss is None or through is None:
        raise AssertionError("a fresh reading has a value")
    if loss >= 100:
        return Judgement.breach("No probe gets through")
    rtt, last = rtt_ms.value, rtt_ms.age_s(now)
    if not through and last is not None and last > budget_s:
        return Judgement.breach(f"No probe has got through for {span(last)}")
    if rtt is None or not rtt_ms.fresh(now, budget_s):
        return Judgement.unknown(f"Round trip not known, {rtt_ms.why_not_fresh(now, budget_s)}")
    findings = []
    if not through and last is not None:
        findings.append(f"the newest probe was lost, the last one got through {span(max(0.0, last))} ago")
    if loss > limits.loss_warn_percent:
        findings.append(f"{loss:.3g} % of the probes of the last {span(limits.window_s)} were lost")
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
