"""Verifying the audit from a page: the chain is held against every head that lies outside the database."""

import json
from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel import select

from openova_console.access.roles import Role
from openova_console.operations.words import State
from openova_console.store import anchors
from openova_console.store.change_tables import StandingApprovalRow
from openova_console.store.database import reading
from openova_console.systems import kinds
from openova_console.systems.kubernetes import connect
from openova_console.systems.permit import Permit
from openova_console.web.audit_rows import verdict
from openova_console.web.verifying import Outcome, Verifier
from tests.operations.test_standing import GRANT
from tests.support.engines import R1, Bench


async def verified(bench: Bench, verifier: Verifier | None = None) -> Outcome:
    verifier = verifier or Verifier(bench.database, bench.engine.heads, now=bench.now)
    verifier.start()
    found = await verifier.wait(60)
    assert found is not None and not verifier.running
    return found


async def anchored(bench: Bench) -> None:
    """A change runs to its end, and the head lies in the file and in both regions."""
    row = await bench.ask("grant-standing-approval", GRANT)
    bench.person("ada", Role.ADMIN)
    await bench.approve(row, by="ada")
    assert (await bench.until(row.id)).state == State.COMPLETED

    def everywhere() -> bool:
        with reading(bench.database) as opened:
            return sum(place.ok for place in anchors.newest(opened, that_worked=True).values()) == 3

    await bench.when(everywhere)


async def write_head(bench: Bench, data: Mapping[str, str]) -> None:
    """Another head in Region 1, as somebody who may write there could leave it."""
    region = next(r for r in bench.settings.regions if r.id == R1)
    assert region.actor is not None
    api = await connect(region.actor, region=region.display, network=bench.settings.network, deadline_s=10)
    name, namespace = f"openova-audit-head-{bench.settings.console.looks_from}", bench.settings.operations.namespace
    try:
        lies = await api.get(kinds.CONFIG_MAPS, namespace, name)
        change = {"data": dict(data)}
        await api.merge_patch(
            kinds.CONFIG_MAPS, namespace, name, change, resource_version=lies.resource_version, permit=Permit("test", 0, 0)
        )
    finally:
        await api.aclose()


async def test_a_chain_is_compared_with_the_heads_in_the_file_and_in_both_regions(bench: Bench):
    await anchored(bench)
    verifier = Verifier(bench.database, bench.engine.heads, now=bench.now)
    found = await verified(bench, verifier)
    assert found.ok and found.anchors >= 3 and [bool(kept.anchors) for kept in found.places] == [True, True, True]
    assert (verifier.done, verifier.last) == (verifier.total, found) and found.events == verifier.total
    assert verdict(found)[0] == "ok"


async def test_an_event_that_was_altered_is_a_breach(bench: Bench):
    await anchored(bench)
    with bench.database.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_events_no_update"))
        connection.execute(text("UPDATE audit_events SET actor = 'nobody' WHERE seq = 2"))
    found = await verified(bench)
    assert found.ok is False and found.events == 1
    look, _, sentence = verdict(found)
    assert look == "breach" and "Event 2 was altered" in sentence


async def test_a_head_in_a_region_that_is_not_on_the_chain_is_a_breach(bench: Bench):
    await anchored(bench)
    await write_head(bench, {"seq": "1", "seal": "f" * 64})
    found = await verified(bench)
    assert found.ok is False and "written anew" in found.sentence and "Region 1" in found.sentence


async def test_a_head_that_is_none_is_said_to_be_none(bench: Bench):
    await anchored(bench)
    await write_head(bench, {"seq": "one"})
    found = await verified(bench)
    assert found.ok and [kept.trouble for kept in found.places if not kept.anchors] == ["what lies there is no head of an audit"]
    assert verdict(found)[0] == "warn"


async def test_a_place_that_cannot_be_read_does_not_hide_what_the_others_say(bench: Bench):
    await anchored(bench)
    file = bench.engine.heads.file
    file.write_text("no head at all\n")
    found = await verified(bench)
    assert found.ok and found.anchors == 2 and "altered" in found.places[0].trouble


async def test_two_who_verify_at_once_share_one(bench: Bench):
    await bench.ask("grant-standing-approval", GRANT)
    verifier = Verifier(bench.database, bench.engine.heads, now=bench.now)
    verifier.start()
    verifier.start()
    first, second = await verifier.wait(60), await verifier.wait(60)
    assert first is second is not None


async def test_why_a_standing_approval_is_not_in_force(bench: Bench):
    await anchored(bench)
    with reading(bench.database) as opened:
        (row,) = opened.exec(select(StandingApprovalRow)).all()
        assert bench.engine.against_standing(opened, row) == ""
        limits = json.dumps({**json.loads(row.limits), "per_day": 999})
        forged = StandingApprovalRow(**{**row.model_dump(), "limits": limits})
        assert "not signed" in bench.engine.against_standing(opened, forged)
        gone = StandingApprovalRow(**{**row.model_dump(), "kind": "gone"})
        assert "no operation of kind gone" in bench.engine.against_standing(opened, gone)
