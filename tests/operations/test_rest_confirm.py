"""From the refused yes to the page that asks for the password, and back: one approval, all the way over HTTP."""

import json
from typing import Any

import pytest

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.operations.authority import CONFIRM_FIRST
from tests.support.consoles import call, cheap_hashes
from tests.support.engines import PASSWORD, R1, engine_on
from tests.support.pages import Browser
from tests.support.rest import V1, Api

__all__ = ["cheap_hashes"]
SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}
pytestmark = pytest.mark.usefixtures("cheap_hashes")


async def test_a_confirmation_serves_one_approval(lab: Any, tmp_path: Any):
    policy = {"restart-workload": {"confirm": True}, "suspend-kustomization": {"confirm": True}}
    async with engine_on(lab.path / "console.yaml", tmp_path, kinds=policy) as bench:
        api = Api(bench)
        bench.person("anna", Role.APPROVER)
        with bench.write() as opened:
            anna = users.by_name_or_raise(session=opened, name="anna")
            users.set_password(session=opened, user=anna, password=PASSWORD, now=bench.now())
        browser = Browser(api.app)
        assert (await browser.sign_in("anna", PASSWORD)).status == 303

        async def approve(row: Any) -> Any:
            sent = {
                "host": "localhost",
                "origin": "http://localhost",
                "content-type": "application/json",
                "cookie": f"openova={browser.cookies['openova']}",
            }
            body = json.dumps({"digest": row.digest}).encode()
            return await call(api.app, f"{V1}/operations/{row.id}/approve", method="POST", headers=sent, body=body)

        first = await api.pending()
        second = await bench.ask("suspend-kustomization", SUSPEND, key="k2")
        refused = await approve(first)
        found = json.loads(refused.body)
        assert (refused.status, found["type"], found["detail"]) == (403, "urn:openova:problem:confirm", CONFIRM_FIRST)
        back = f"/approvals?operation={first.id}"
        led = await browser.fill(f"/auth/confirm?next={back}", password=PASSWORD)
        assert led.header("location") == back
        assert (await approve(first)).status == 200
        assert (await approve(second)).status == 403
        assert "is confirmed until" not in (await browser.send("/auth/confirm")).text
