"""The link between the regions, from a WireGuard exporter's and a probe's series.

The handshake metric is a Unix time from the common exporter and an age from others: told apart by size (> 1e9). Either
way the fact is the instant of the handshake, which ages by itself. 0 means that there never was one.

The duration of a failed probe is its time-out, not a round trip: the round trip is that of the last probe whose success
sample, of the same scrape, is 1. Without success samples no duration counts.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from openova_console.settings import LinkSettings
from openova_console.systems import shape
from openova_console.systems.exchange import Exchange
from openova_console.systems.prometheus import Point, Series, Window

_EPOCH_FROM = 1e9


@dataclass(frozen=True, slots=True)
class Handshake:
    """One peer; `at` is the instant of the last handshake, None when there never was one; `sampled_at` of the sample."""

    peer: str
    at: datetime | None
    sampled_at: datetime


@dataclass(frozen=True, slots=True)
class Path:
    """One probed path over the window.

    Attributes:
        tested: the `instance` label: what was probed.
        rtt_ms: round trip of the last probe that got through; None when none did.
        rtt_at: when that probe was sampled.
        loss_percent: share of the window's probes that failed; None without a success sample.
        probes: how many probes the share rests on.
        last_probe_at: the newest probe's sample time.
        last_succeeded: whether the newest probe got through.
    """

    tested: str
    rtt_ms: float | None
    rtt_at: datetime | None
    loss_percent: float | None
    probes: int
    last_probe_at: datetime | None
    last_succeeded: bool | None


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """Everything measured about the link from one region; both tuples are empty when nothing is measured."""

    handshakes: tuple[Handshake, ...]
    paths: tuple[Path, ...]
    exchange: Exchange


def names(link: LinkSettings) -> tuple[str, ...]:
    """The metrics to ask for; only WireGuard has handshakes."""
    probe = (link.rtt_metric, link.success_metric)
    return (link.handshake_metric, *probe) if link.kind == "wireguard" else probe


def facts(window: Window, link: LinkSettings) -> LinkFacts:
    """The link's facts. Raises `Malformed` for a handshake that no calendar holds."""
    handshakes = [_handshake(window.source, s) for s in window.named(link.handshake_metric)] if link.kind == "wireguard" else []
    durations = {_key(s): s for s in window.named(link.rtt_metric, job=link.job)}
    successes = {_key(s): s for s in window.named(link.success_metric, job=link.job)}
    paths = [_path(key, durations.get(key), successes.get(key)) for key in sorted(durations.keys() | successes.keys())]
    return LinkFacts(tuple(sorted(handshakes, key=lambda h: h.peer)), tuple(paths), window.exchange)


def _key(series: Series) -> str:
    return series.labels.get("instance", "")


def _handshake(source: str, series: Series) -> Handshake:
    at, value = series.newest
    labels = series.labels
    peer = next((labels[k] for k in ("friendly_name", "allowed_ips", "public_key", "instance") if labels.get(k)), "")
    if not math.isfinite(value) or value <= 0:
        return Handshake(peer, None, at)
    if value > _EPOCH_FROM:
        return Handshake(peer, shape.moment_of(source, (series.name,), value), at)
    return Handshake(peer, at - timedelta(seconds=value), at)


def _path(tested: str, duration: Series | None, success: Series | None) -> Path:
    outcomes = {p.at: p.value == 1 for p in success.points} if success else {}
    through = [p for p in duration.points if outcomes.get(p.at) and math.isfinite(p.value)] if duration else []
    last: Point | None = through[-1] if through else None
    probes = len(outcomes)
    newest = success.newest if success else None
    return Path(
        tested,
        None if last is None else last.value * 1000,
        None if last is None else last.at,
        100 * (probes - sum(outcomes.values())) / probes if probes else None,
        probes,
        newest.at if newest else None,
        newest.value == 1 if newest else None,
    )
