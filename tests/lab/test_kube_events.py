"""Events of one object, asked of the lab's API with the console's own role."""

import json

import pytest
from kube_fixtures import Lab, lab, sample

from openova_console.systems import errors
from openova_console.systems.events import events
from openova_console.systems.kubernetes import KubernetesApi

pytestmark = pytest.mark.asyncio
__all__ = ["lab"]


async def test_only_the_events_about_the_object_are_given(lab: Lab):
    captured = sample("flagger-event")
    for name, about in (("web.1", {}), ("other.1", {"name": "other"}), ("web.2", {"kind": "Deployment"})):
        item = json.loads(json.dumps(captured))
        item["metadata"] = {"name": name, "namespace": "shop"}
        item["involvedObject"] |= about
        lab.store.create("events", item)
    api = KubernetesApi(lab.clients["reader"], region="Region 1", max_bytes=1 << 20, deadline_s=5)
    (found,) = await events(api, "shop", "Canary", "web")
    assert (found.component, found.count) == ("flagger", captured["count"])


async def test_who_may_not_read_events_is_refused(lab: Lab):
    api = KubernetesApi(lab.clients["viewer"], region="Region 1", max_bytes=1 << 20, deadline_s=5)
    with pytest.raises(errors.Refused):
        await events(api, "shop", "Canary", "web")
