"""OpenCost and k8gb objects: what is read, and what is refused."""

import json

import pytest

from openova_console.settings import HttpEndpoint
from openova_console.systems import errors, k8gb, kinds, opencost
from openova_console.watch.kube.gslbs import GSLB
from openova_console.watch.kube.nodes import NODES
from tests.support import misbehaving as support

ROW = {
    "name": "cluster-one",
    "properties": {"cluster": "cluster-one"},
    "window": {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"},
    "start": "2026-03-01T00:00:00Z",
    "end": "2026-04-01T00:00:00Z",
    "minutes": 1440.0,
    "cpuCost": 1.0,
    "totalCost": 2.5,
}
"""The fields of opencost.io/docs/integrations/api-examples that are used, and some that are not."""
IDLE = {**ROW, "name": "__idle__", "totalCost": 0.5}


def body(*sets: object, **more: object) -> bytes:
    return json.dumps({"code": 200, "status": "success", "data": list(sets), **more}).encode()


async def cost(raw: bytes, *, cluster: str = "", head: str = "200 OK") -> opencost.Allocation:
    async with support.tcp(support.answering(support.http_bytes(raw, head))) as port:
        endpoint = HttpEndpoint(url=f"http://127.0.0.1:{port}")
        api = opencost.connect(endpoint, region="Region 1", network=support.NETWORK, deadline_s=1)
        try:
            return await api.cost("month", cluster=cluster)
        finally:
            await api.aclose()


async def test_idle_capacity_is_paid_for_and_data_end_where_the_minutes_do():
    found = await cost(body({"cluster-one": ROW, "__idle__": IDLE}))
    assert found.spent.amount == 3.0 and not found.warning
    assert found.spent.begins.isoformat() == "2026-03-01T00:00:00+00:00"
    assert found.spent.ends.isoformat() == "2026-03-02T00:00:00+00:00", "not the end of the window that was asked for"
    assert "includeIdle=true" in found.exchange.call and "window=month" in found.exchange.call


async def test_a_warning_is_kept_and_a_missing_status_is_none():
    assert (await cost(body({"cluster-one": ROW}, warning="ETL is behind"))).warning
    assert (await cost(json.dumps({"code": 200, "data": [{"cluster-one": ROW}]}).encode())).spent.amount == 2.5


async def test_of_several_clusters_one_must_be_named():
    two = {
        "cluster-one": ROW,
        "cluster-two": {**ROW, "properties": {"cluster": "cluster-two"}, "totalCost": 100},
        "__idle__": IDLE,
    }
    with pytest.raises(errors.Misconfigured, match=r"knows 2 clusters: name the region's own in cost\.opencost_clusters"):
        await cost(body(two))
    assert (await cost(body(two), cluster="cluster-one")).spent.amount == 3.0
    assert (await cost(body(two), cluster="cluster-two")).spent.amount == 100
    with pytest.raises(errors.Absent, match="knows no cluster of the name in the settings"):
        await cost(body(two), cluster="cluster-three")


@pytest.mark.parametrize(
    ("raw", "wanted", "words"),
    [
        (b'{"code":500,"status":"error","data":null,"message":"secret"}', errors.Failed, "code 500 inside its answer"),
        (b'{"code":200,"status":"error","data":null}', errors.Failed, "does not call its own answer a success"),
        (b'{"code":"200","data":[]}', errors.Malformed, "code should be a whole number"),
        (b'{"data":[]}', errors.Malformed, "code should be a whole number and is missing"),
        (body(), errors.Absent, "has no data for this window"),
        (body({}), errors.Absent, "has no data for this window"),
        (body({"__idle__": IDLE}), errors.Absent, "has no data for this window"),
        (body({"cluster-one": ROW}, {"cluster-one": ROW}), errors.Malformed, "data should be one set"),
        (body({"cluster-one": {**ROW, "totalCost": -1}}), errors.Malformed, "should be 0 or more"),
        (body({"cluster-one": {**ROW, "totalCost": "2"}}), errors.Malformed, "totalCost should be a number"),
        (body({"cluster-one": {**ROW, "totalCost": None}}), errors.Malformed, "totalCost should be a number and is missing"),
        (body({"cluster-one": {**ROW, "minutes": 0}}), errors.Malformed, "a window that begins and lasts"),
        (body({"cluster-one": {**ROW, "start": None}}), errors.Malformed, "a window that begins and lasts"),
        (body({"cluster-one": 7}), errors.Malformed, "should be"),
        (b'{"code":200,"data":{"cluster-one":{}}}', errors.Malformed, "data should be a list"),
    ],
)
async def test_what_is_no_answer(raw, wanted, words):
    with pytest.raises(wanted) as caught:
        await cost(raw)
    assert caught.value.sentence.startswith("Region 1's OpenCost ") and words in caught.value.sentence
    assert "secret" not in caught.value.sentence


async def test_data_never_end_in_the_future():
    far = {**ROW, "start": "2099-01-01T00:00:00Z"}
    found = await cost(body({"cluster-one": far}))
    assert found.spent.ends == found.exchange.answered_at


def item(**changes: object) -> dict[str, object]:
    spec = {"strategy": {"type": "failover", "primaryGeoTag": "eu", "dnsTtlSeconds": 20}}
    spec["ingress"] = {"rules": [{"host": "App.gslb.test."}, {"http": {}}]}
    status = {
        "geoTag": "us",
        "hosts": "App.gslb.test., other.gslb.test",
        "serviceHealth": {"App.gslb.test.": "Healthy"},
        "healthyRecords": {"App.gslb.test.": ["192.0.2.1"]},
        "loadBalancer": {"exposedIps": ["198.51.100.1"]},
        "servers": [{"host": "App.gslb.test.", "services": []}],
    }
    return {"metadata": {"namespace": "shop", "name": "app"}, "spec": spec, "status": status, **changes}


def test_a_gslb_is_read_by_host_from_spec_and_status():
    found = k8gb.by_host([item()], source="Region 1")
    assert sorted(found) == ["app.gslb.test", "other.gslb.test"]
    app = found["app.gslb.test"]
    assert (app.object, app.strategy, app.primary_geo_tag, app.ttl_s, app.geo_tag) == ("shop/app", "failover", "eu", 20, "us")
    assert (app.health, app.healthy, app.exposed) == ("Healthy", ("192.0.2.1",), ("198.51.100.1",))
    assert (found["other.gslb.test"].health, found["other.gslb.test"].healthy) == ("", ())


def test_a_gslb_without_status_is_known_by_its_rules_and_has_the_default_time_to_live():
    spec = {"strategy": {"type": "roundRobin"}, "ingress": {"rules": [{"host": "a.gslb.test"}]}}
    found = k8gb.by_host([item(spec=spec, status=None)], source="Region 1")
    assert (found["a.gslb.test"].ttl_s, found["a.gslb.test"].primary_geo_tag, found["a.gslb.test"].geo_tag) == (30, "", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spec": {}}, "spec.strategy.type should be text and is missing"),
        ({"spec": {"strategy": {"type": 7}}}, "spec.strategy.type should be text"),
        ({"status": {"serviceHealth": ["Healthy"]}}, "status.serviceHealth should be an object"),
        ({"status": {"loadBalancer": {"exposedIps": [7]}}}, "status.loadBalancer.exposedIps[0] should be text"),
        ({"metadata": {}}, "metadata.name should be text and is missing"),
    ],
)
def test_what_is_no_gslb(changes, words):
    with pytest.raises(errors.Malformed) as caught:
        k8gb.by_host([item(**changes)], source="Region 1")
    assert words in caught.value.sentence


def test_the_newer_group_wins_where_a_cluster_has_both():
    newer = item()
    newer["spec"] = {**newer["spec"], "strategy": {"type": "failover", "primaryGeoTag": "us"}}  # type: ignore[dict-item]
    both = {kinds.GSLBS: {("shop", "app"): item()}, kinds.GSLBS_NEW: {("shop", "app"): newer}}
    assert GSLB.read(both, "Region 1")["app.gslb.test"].primary_geo_tag == "us"
    assert GSLB.read({kinds.GSLBS: {("shop", "app"): item()}}, "Region 1")["app.gslb.test"].primary_geo_tag == "eu"
    assert GSLB.read({}, "Region 1") == {}


def test_nodes_are_read_with_their_type_and_age():
    labels = {"node.kubernetes.io/instance-type": "cx41"}
    node = {"metadata": {"name": "n1", "labels": labels, "creationTimestamp": "2026-03-01T00:00:00Z"}}
    (found,) = NODES.read({kinds.NODES: {("", "n1"): node}}, "Region 1")
    assert (found.name, found.instance_type, found.since.year) == ("n1", "cx41", 2026)
    (bare,) = NODES.read({kinds.NODES: {("", "n2"): {"metadata": {"name": "n2"}}}}, "Region 1")
    assert (bare.instance_type, bare.since) == ("", None)
