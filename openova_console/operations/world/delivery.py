"""Releases on their way: every Canary of every region, and the list of them, so that none can go missing unseen."""

from datetime import datetime

from openova_console.operations.evidence import Item, fresh, unknown
from openova_console.settings import Settings
from openova_console.watch.board import Board


def canaries(board: Board, settings: Settings, now: datetime) -> dict[str, Item]:
    """`region.<id>.canaries` lists the names; `canary.<region>/<namespace>/<name>` tells one's target and phase."""
    silent = dict(board.delivery.silent)
    names: dict[str, list[str]] = {r.id: [] for r in settings.regions}
    found: dict[str, Item] = {}
    for row in board.delivery.rows:
        for cell in row.cells:
            if cell.progress is None:
                continue
            name = f"{row.namespace}/{row.name}"
            names[cell.region.id].append(name)
            key, said = f"canary.{cell.region.id}/{name}", cell.progress.judgement.sentence
            if cell.canary is None or cell.region.display in silent:
                found[key] = unknown(said)
                continue
            kind, _, target = cell.canary.target.partition(" ")
            value = {
                "target": f"{kind.lower()}s.apps/{row.namespace}/{target}",
                "in_flight": cell.progress.running,
                "phase": cell.canary.phase,
            }
            found[key] = fresh(value, said, at=now)
    for region in settings.regions:
        known = region.display not in silent
        found[f"region.{region.id}.canaries"] = fresh(names[region.id], at=now) if known else unknown(silent[region.display])
    return found
