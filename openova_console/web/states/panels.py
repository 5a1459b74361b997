"""Panels that everybody sees alike: set on arrival, then overwritten in the browser by the hub's broadcasts.

One small state per panel: the browser draws again, and the wire carries, only what changed.
"""

import reflex as rx

from openova_console.web.rows import AlarmRow, LinkTile, RegionTile, ServiceRow, SourceRow, UncoveredLine, WitnessTile


class Pulse(rx.State):
    """The console's own sign of life: the server's clock at the last push."""

    at: str = ""
    limit_s: float = 8.0


class AlarmPanel(rx.State):
    """The strip on top of every page."""

    rows: list[AlarmRow] = []
    verdict: str = "unknown"
    title: str = ""
    more: int = 0


class RegionPanel(rx.State):
    """Both regions, the link between them, the witnesses."""

    tiles: list[RegionTile] = []
    links: list[LinkTile] = []
    witnesses: list[WitnessTile] = []


class ReplicationPanel(rx.State):
    """The eight services."""

    rows: list[ServiceRow] = []
    worst: str = ""
    worst_verdict: str = "unknown"
    question: str = ""
    loss: str = ""
    confidence: str = ""
    uncovered: list[UncoveredLine] = []


class SourcePanel(rx.State):
    """The loops that read the platform."""

    rows: list[SourceRow] = []
