"""Lists: pages that stay consistent, revisions of the past, selectors, metadata alone."""

import time

import pytest
from kube_fixtures import CONFIG_MAPS, DEPLOYMENT, DEPLOYMENTS, Lab, lab, plain, sample, shape

pytestmark = pytest.mark.asyncio
__all__ = ["lab"]
METADATA_ONLY = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}


def config_map(number: int, **labels: str) -> dict:
    metadata = {"name": f"cm{number}", "labels": labels} if labels else {"name": f"cm{number}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


async def fill(lab: Lab, count: int = 4) -> None:
    for number in range(count):
        await lab.make(CONFIG_MAPS, config_map(number, parity="even" if number % 2 == 0 else "odd"))


def names(body: dict) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


async def test_page_looks_like_the_captured_one(lab: Lab):
    for number in range(4):
        await lab.make(CONFIG_MAPS, config_map(number))
    page = (await lab.admin.get(f"{CONFIG_MAPS}?limit=2")).json()
    captured = sample("200-list-page")["response"]
    assert plain(page) == plain(captured)
    assert shape(page) == shape(captured)


async def test_pages_show_one_revision_whatever_happens_between_them(lab: Lab):
    await fill(lab)
    first = (await lab.admin.get(f"{CONFIG_MAPS}?limit=2")).json()
    await lab.make(CONFIG_MAPS, config_map(9))
    await lab.admin.delete(f"{CONFIG_MAPS}/cm3")
    rest = (await lab.admin.get(CONFIG_MAPS, params={"limit": 5, "continue": first["metadata"]["continue"]})).json()
    assert names(first) + names(rest) == ["cm0", "cm1", "cm2", "cm3"]
    assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_expired_continue_is_gone_and_offers_an_inconsistent_rest(lab: Lab):
    await fill(lab)
    first = (await lab.admin.get(f"{CONFIG_MAPS}?limit=2")).json()
    await lab.make(CONFIG_MAPS, config_map(9))
    lab.store.compact()
    gone = await lab.admin.get(CONFIG_MAPS, params={"limit": 2, "continue": first["metadata"]["continue"]})
    assert gone.status_code == 410
    assert plain(gone.json()) == plain(sample("410-continue-expired")["response"])
    rest = await lab.admin.get(CONFIG_MAPS, params={"continue": gone.json()["metadata"]["continue"]})
    assert (rest.status_code, names(rest.json())) == (200, ["cm2", "cm3", "cm9"])


async def test_pages_expire_by_themselves_after_five_to_ten_minutes(lab: Lab):
    await fill(lab)
    first = (await lab.admin.get(f"{CONFIG_MAPS}?limit=2")).json()
    for number in (10, 11, 12):
        lab.clock.advance(minutes=5)
        await lab.make(CONFIG_MAPS, config_map(number))
    gone = await lab.admin.get(CONFIG_MAPS, params={"continue": first["metadata"]["continue"]})
    assert gone.status_code == 410


async def test_list_at_an_exact_revision(lab: Lab):
    await fill(lab, 2)
    then = (await lab.admin.get(CONFIG_MAPS)).json()["metadata"]["resourceVersion"]
    await lab.make(CONFIG_MAPS, config_map(2))
    exact = {"resourceVersion": then, "resourceVersionMatch": "Exact"}
    assert names((await lab.admin.get(CONFIG_MAPS, params=exact)).json()) == ["cm0", "cm1"]
    lab.store.compact()
    gone = await lab.admin.get(CONFIG_MAPS, params=exact)
    assert (gone.status_code, gone.json()) == (410, sample("410-list-exact-compacted")["response"])


async def test_revision_that_is_no_number(lab: Lab):
    listed = await lab.admin.get(f"{CONFIG_MAPS}?resourceVersion=abc")
    assert (listed.status_code, listed.json()["reason"]) == (400, "BadRequest")
    watched = await lab.admin.get(f"{DEPLOYMENTS}?watch=1&resourceVersion=abc")
    captured = sample("500-watch-bad-resourceversion")
    assert watched.status_code == captured["status"]
    assert [watched.json()] == captured["response"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"labelSelector": "parity=even"}, ["cm0", "cm2"]),
        ({"labelSelector": "parity!=even"}, ["cm1", "cm3"]),
        ({"labelSelector": "parity in (odd)"}, ["cm1", "cm3"]),
        ({"labelSelector": "!parity"}, []),
        ({"fieldSelector": "metadata.name=cm2"}, ["cm2"]),
        ({"fieldSelector": "metadata.name=cm2", "labelSelector": "parity=odd"}, []),
    ],
)
async def test_selectors(lab: Lab, selector, expected):
    await fill(lab)
    body = (await lab.admin.get(CONFIG_MAPS, params={**selector, "limit": "1"})).json()
    found = names(body)
    while body["metadata"].get("continue"):
        assert "remainingItemCount" not in body["metadata"]
        again = {**selector, "limit": "1", "continue": body["metadata"]["continue"]}
        body = (await lab.admin.get(CONFIG_MAPS, params=again)).json()
        found += names(body)
    assert found == expected


async def test_unknown_field_selector_is_refused(lab: Lab):
    answer = await lab.admin.get(f"{CONFIG_MAPS}?fieldSelector=data.a=b")
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_metadata_alone(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    body = (await lab.admin.get(DEPLOYMENTS, headers=METADATA_ONLY)).json()
    assert (body["kind"], body["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    (item,) = body["items"]
    assert set(item) == {"kind", "apiVersion", "metadata"}
    assert (item["kind"], item["metadata"]["name"]) == ("PartialObjectMetadata", "hello")


async def test_unacceptable_media_type(lab: Lab):
    answer = await lab.admin.get(DEPLOYMENTS, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["reason"]) == (406, "NotAcceptable")


async def test_list_across_namespaces_is_in_key_order(lab: Lab):
    for namespace in ("shop", "default"):
        await lab.make(f"/api/v1/namespaces/{namespace}/configmaps", config_map(1))
    body = (await lab.admin.get("/api/v1/configmaps")).json()
    assert [item["metadata"]["namespace"] for item in body["items"]] == ["default", "shop"]
    assert "kind" not in body["items"][0]


async def test_a_thousand_objects_are_listed_fast(lab: Lab):
    document = {"spec": DEPLOYMENT["spec"], "status": {"replicas": 2}}
    for number in range(1000):
        lab.store.create("deployments.apps", {"metadata": {"name": f"d{number}", "namespace": "shop"}, **document})
    path = "/apis/apps/v1/deployments"
    await lab.admin.get(path)
    started = time.perf_counter()
    body = (await lab.admin.get(path)).content
    assert time.perf_counter() - started < 0.25
    assert body.count(b'"metadata":{"name":') == 1000
