"""Who may grant a standing approval, for how long, and for what; and who may fire at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openova_console.access.roles import Role
from openova_console.operations.requests import Refused
from tests.lab.running import Running
from tests.operations.test_standing import GRANT, OPEN, SOURCE, TARGETS
from tests.support.engines import R1, REASON, RESTART, Bench, engine_on


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "suspend-kustomization"}, "may not be asked for by a schedule"),
        ({"kind": "grant-standing-approval"}, "may not be asked for by a schedule"),
        ({"kind": "no-such-kind"}, "no operation of kind"),
        ({"source": "nightly"}, "source"),
        ({"template": {**RESTART, "name": "*", "region": "*"}}, "has to name name, region"),
        ({"template": RESTART}, "has to name nothing"),
        ({"template": {**OPEN, "color": "red"}}, "color is no parameter"),
        ({"template": {"region": R1, "namespace": "acme-prod", "name": "*"}}, "workload is missing"),
        ({"template": {**OPEN, "workload": "*"}, "limits": {"targets": [], "per_day": 1}}, "list the targets"),
        ({"limits": {"targets": [{"name": "*"}], "per_day": 1}}, "cannot leave anything open"),
        ({"limits": {"targets": TARGETS, "per_day": 0}}, "per_day"),
        ({"days": 91}, "days"),
    ],
)
async def test_a_grant_that_says_too_much_is_refused(bench: Bench, changes: dict[str, Any], says: str):
    with pytest.raises(Refused, match=says):
        await bench.ask("grant-standing-approval", {**GRANT, **changes})


async def test_a_grant_lasts_no_longer_than_the_settings_say(lab: Running, tmp_path: Path):
    (tmp_path / "short").mkdir()
    async with engine_on(lab.path / "console.yaml", tmp_path / "short", standing_days=7) as short:
        with pytest.raises(Refused, match="7 days at most"):
            await short.ask("grant-standing-approval", {**GRANT, "days": 8})


async def test_a_grant_needs_as_many_people_as_the_kind_itself(lab: Running, tmp_path: Path):
    (tmp_path / "two").mkdir()
    kinds = {"restart-workload": {"approvals": 2}}
    async with engine_on(lab.path / "console.yaml", tmp_path / "two", kinds=kinds) as two:
        row = await two.ask("grant-standing-approval", GRANT)
        assert row.approvals_needed == 2
        incident = await two.engine.governance.declare(two.person("ida"), title="checkout is down")
        again = await two.ask(
            "grant-standing-approval", {**GRANT, "name": "again"}, by="oskar", key="k2", incident_id=incident.id
        )
        assert again.approvals_needed == 2


async def test_only_an_administrator_who_did_not_ask_grants(bench: Bench):
    row = await bench.engine.request(
        "grant-standing-approval", GRANT, bench.person("ada", Role.ADMIN), reason=REASON, idempotency_key="k"
    )
    with pytest.raises(Refused, match="another person"):
        await bench.engine.decisions.approve(row.id, bench.person("ada", Role.ADMIN), digest=row.digest)
    with pytest.raises(Refused, match="needs the role admin"):
        await bench.approve(row)


async def test_a_machine_grants_nothing(bench: Bench):
    machine = replace(bench.person("olga"), kind="machine", scopes=frozenset({"request:*"}), owner="olga")
    with pytest.raises(Refused, match="Only a person"):
        await bench.engine.request("grant-standing-approval", GRANT, machine, reason=REASON, idempotency_key="k")


@pytest.mark.parametrize("source", ["", "nightly", "schedule:", "person:olga", "schedule:a b", "schedule:x\n"])
async def test_only_schedules_and_alerts_fire(bench: Bench, source: str):
    with pytest.raises(Refused, match="schedule:<name> or alert:<mapping>"):
        await bench.engine.fire(source, "restart-workload", RESTART, "k")


async def test_a_kind_that_may_not_be_scheduled_is_not_fired(bench: Bench):
    with pytest.raises(Refused, match="may not be asked for by a schedule"):
        await bench.engine.fire(SOURCE, "revoke-token", {}, "k")
