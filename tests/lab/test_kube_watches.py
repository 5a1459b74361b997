"""Watches: events in order, bookmarks, 410 inside the stream, and the embedder's hold on open streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web
from kube_fixtures import (
    CONFIG_MAPS,
    DEPLOYMENT,
    DEPLOYMENTS,
    HELLO,
    MERGE,
    Clock,
    Lab,
    lab,
    plain,
    sample,
    shape,
    start,
    stop,
)

from openova_console.lab.kube.store import ObjectStore

pytestmark = pytest.mark.asyncio
__all__ = ["lab"]
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"a": "b"}}


class Watch:
    """An open watch, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def event(self) -> dict:
        async with asyncio.timeout(5):
            return json.loads(await anext(self._lines))

    async def rest(self) -> list[dict]:
        """All events until the stream ends."""
        async with asyncio.timeout(5):
            return [json.loads(line) async for line in self._lines]


@asynccontextmanager
async def watching(lab: Lab, path: str, **query: str) -> AsyncIterator[Watch]:
    async with lab.admin.stream("GET", path, params={"watch": "1", **query}) as response:
        assert response.status_code == 200
        yield Watch(response)


def told(event: dict) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


async def revision(lab: Lab, path: str = CONFIG_MAPS) -> str:
    return (await lab.admin.get(path)).json()["metadata"]["resourceVersion"]


async def test_changes_come_in_order_from_the_revision_of_the_list(lab: Lab):
    since = await revision(lab)
    await lab.make(CONFIG_MAPS, CONFIG_MAP)
    async with watching(lab, CONFIG_MAPS, resourceVersion=since) as watch:
        assert told(await watch.event()) == ("ADDED", "cm")
        await lab.admin.patch(f"{CONFIG_MAPS}/cm", json={"data": {"a": "c"}}, headers=MERGE)
        changed = await watch.event()
        assert (changed["type"], changed["object"]["data"]) == ("MODIFIED", {"a": "c"})
        await lab.admin.delete(f"{CONFIG_MAPS}/cm")
        gone = await watch.event()
        assert told(gone) == ("DELETED", "cm")
        assert int(gone["object"]["metadata"]["resourceVersion"]) > int(changed["object"]["metadata"]["resourceVersion"])


async def test_watch_without_a_revision_starts_with_the_present(lab: Lab):
    await lab.make(CONFIG_MAPS, CONFIG_MAP)
    async with watching(lab, CONFIG_MAPS) as watch:
        assert told(await watch.event()) == ("ADDED", "cm")


async def test_other_namespaces_and_kinds_are_not_told(lab: Lab):
    since = await revision(lab)
    async with watching(lab, CONFIG_MAPS, resourceVersion=since, timeoutSeconds="1") as watch:
        await lab.make("/api/v1/namespaces/shop/configmaps", CONFIG_MAP)
        await lab.make(DEPLOYMENTS, DEPLOYMENT)
        await lab.make(CONFIG_MAPS, {**CONFIG_MAP, "metadata": {"name": "mine"}})
        assert [told(event) for event in await watch.rest()] == [("ADDED", "mine")]


async def test_leaving_a_selector_is_a_deletion(lab: Lab):
    since = await revision(lab)
    async with watching(lab, CONFIG_MAPS, resourceVersion=since, labelSelector="on=yes") as watch:
        await lab.make(CONFIG_MAPS, CONFIG_MAP)
        for value in ("yes", "no"):
            await lab.admin.patch(f"{CONFIG_MAPS}/cm", json={"metadata": {"labels": {"on": value}}}, headers=MERGE)
        assert [told(await watch.event()) for _ in range(2)] == [("ADDED", "cm"), ("DELETED", "cm")]


async def test_old_revision_is_one_error_event_under_200(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    lab.store.restart()
    await lab.admin.patch(HELLO, json={"spec": {"replicas": 5}}, headers=MERGE)
    captured = sample("watch-410-in-stream")
    async with watching(lab, DEPLOYMENTS, resourceVersion="1") as watch:
        events = await watch.rest()
    assert plain(events) == plain(captured["response"][:1])


async def test_log_that_overflows_expires_the_oldest_revisions(lab: Lab):
    since = await revision(lab)
    await lab.make(CONFIG_MAPS, CONFIG_MAP)
    for number in range(500):
        lab.store.patch("configmaps", "default", "cm", {"data": {"a": str(number)}})
    async with watching(lab, CONFIG_MAPS, resourceVersion=since) as watch:
        (event,) = await watch.rest()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_revision_of_the_future_is_open_and_silent(lab: Lab):
    async with watching(lab, CONFIG_MAPS, resourceVersion="99999", timeoutSeconds="1") as watch:
        await lab.make(CONFIG_MAPS, CONFIG_MAP)
        assert await watch.rest() == []


async def test_bookmark_looks_like_the_captured_one(lab: Lab):
    since = await revision(lab, DEPLOYMENTS)
    async with watching(lab, DEPLOYMENTS, resourceVersion=since, allowWatchBookmarks="true") as watch:
        bookmark = await watch.event()
        await lab.make(CONFIG_MAPS, CONFIG_MAP)
        later = await watch.event()
    captured = sample("watch-bookmark")["response"][0]
    assert plain(bookmark) == plain(captured)
    assert shape(bookmark) == shape(captured)
    assert int(later["object"]["metadata"]["resourceVersion"]) > int(since)


async def test_no_bookmark_is_sent_unasked_and_the_stream_ends_in_time(lab: Lab):
    since = await revision(lab, DEPLOYMENTS)
    async with watching(lab, DEPLOYMENTS, resourceVersion=since, timeoutSeconds="1") as watch:
        assert [*await watch.rest(), "(stream ended)"] == sample("watch-bookmark-at-timeout")["response"]


async def test_initial_events_end_with_a_marked_bookmark(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    async with watching(lab, DEPLOYMENTS, **query) as watch:
        added, marked = await watch.event(), await watch.event()
    assert told(added) == ("ADDED", "hello")
    captured = sample("watch-send-initial-events")["response"][1]
    assert (marked["type"], marked["object"]["kind"]) == (captured["type"], captured["object"]["kind"])
    assert plain(marked["object"]["metadata"]) == plain(captured["object"]["metadata"])


async def test_initial_events_need_the_match(lab: Lab):
    answer = await lab.admin.get(f"{DEPLOYMENTS}?watch=1&sendInitialEvents=true")
    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")


async def test_metadata_alone_can_be_watched(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    accept = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
    async with lab.admin.stream("GET", f"{DEPLOYMENTS}?watch=1", headers=accept) as response:
        event = await Watch(response).event()
    assert (event["object"]["kind"], "spec" in event["object"]) == ("PartialObjectMetadata", False)


@pytest.mark.parametrize("abort", [False, True])
async def test_embedder_ends_every_open_stream(lab: Lab, abort):
    async with watching(lab, CONFIG_MAPS) as one, watching(lab, DEPLOYMENTS) as two:
        lab.app["close_streams"](abort=abort)
        for watch in (one, two):
            if abort:
                with pytest.raises(httpx.HTTPError):
                    await watch.rest()
            else:
                assert await watch.rest() == []


async def test_held_stream_is_silent_and_then_tells_all(lab: Lab):
    since = await revision(lab)
    async with watching(lab, CONFIG_MAPS, resourceVersion=since) as watch:
        lab.app["hold_streams"](True)
        await lab.make(CONFIG_MAPS, CONFIG_MAP)
        waiting = asyncio.ensure_future(watch.event())
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        lab.app["hold_streams"](False)
        assert told(await waiting) == ("ADDED", "cm")


async def test_embedder_wraps_every_request_and_may_freeze_it():
    """A frozen request leaves nothing behind when its client gives up, and a server with open streams stops at once."""
    seen, frozen = [], asyncio.Event()

    @web.middleware
    async def fault(request, handler):
        seen.append(request.path)
        if frozen.is_set():
            await asyncio.Event().wait()
        return await handler(request)

    clock = Clock()
    store = ObjectStore(now=clock)
    runner, running = await start(store, clock, middlewares=[fault])
    async with watching(running, "/api/v1/namespaces"):
        frozen.set()
        with pytest.raises(httpx.ReadTimeout):
            await running.admin.get("/version", timeout=0.2)
        frozen.clear()
        async with asyncio.timeout(5):
            await stop(runner, running)
    assert seen == ["/api/v1/namespaces", "/version"]
