"""Writes that succeed: what moves the generation, what the status keeps apart, scale, eviction, dry runs."""

import pytest
from kube_fixtures import (
    CANARIES,
    CANARY,
    CONFIG_MAPS,
    DEPLOYMENT,
    DEPLOYMENTS,
    HELLO,
    JSON_PATCH,
    LEASES,
    MERGE,
    STRATEGIC,
    Lab,
    lab,
    plain,
    sample,
    shape,
)

pytestmark = pytest.mark.asyncio
__all__ = ["lab"]


async def merge(lab: Lab, path: str, body: dict) -> dict:
    answer = await lab.admin.patch(path, json=body, headers=MERGE)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_status_of_a_custom_resource_is_written_apart(lab: Lab):
    await lab.make(CANARIES, CANARY)
    captured = sample("200-crd-status-patch")
    body = await merge(lab, f"{CANARIES}/hello/status", captured["request"]["body"])
    assert plain(body) == plain(captured["response"])


async def test_main_resource_drops_the_status(lab: Lab):
    made = await lab.make(CANARIES, {**CANARY, "status": {"phase": "Failed"}})
    assert "status" not in made
    body = await merge(lab, f"{CANARIES}/hello", {"status": {"phase": "Failed"}, "spec": {"suspend": True}})
    assert "status" not in body
    assert body["metadata"]["generation"] == 2


async def test_kind_without_a_status_subresource_keeps_its_status(lab: Lab):
    path = "/apis/velero.io/v1/namespaces/default/schedules"
    schedule = {"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": {"name": "daily"}}
    made = await lab.make(path, {**schedule, "spec": {"schedule": "0 2 * * *", "template": {}}, "status": {"phase": "New"}})
    assert made["status"] == {"phase": "New"}
    assert (await lab.admin.patch(f"{path}/daily/status", json={}, headers=MERGE)).status_code == 404


async def test_generation_counts_content_and_a_deployments_annotations(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    await lab.make(CANARIES, CANARY)
    touch = {"metadata": {"annotations": {"a": "1"}}}
    assert (await merge(lab, f"{CANARIES}/hello", touch))["metadata"]["generation"] == 1
    assert (await merge(lab, HELLO, touch))["metadata"]["generation"] == 2
    assert (await merge(lab, HELLO, {"metadata": {"labels": {"a": "1"}}}))["metadata"]["generation"] == 2
    assert (await merge(lab, HELLO, {"spec": {"replicas": 3}}))["metadata"]["generation"] == 3


async def test_write_that_changes_nothing_moves_nothing(lab: Lab):
    made = await lab.make(DEPLOYMENTS, DEPLOYMENT)
    again = await merge(lab, HELLO, {"spec": {"replicas": 2}})
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_merge_patch_with_the_fresh_revision_is_a_compare_and_set(lab: Lab):
    made = await lab.make(DEPLOYMENTS, DEPLOYMENT)
    fresh = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"replicas": 3}}
    assert (await merge(lab, HELLO, fresh))["spec"]["replicas"] == 3
    assert (await lab.admin.patch(HELLO, json=fresh, headers=MERGE)).status_code == 409


async def test_json_patch(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/spec/replicas", "value": 4},
        {"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}},
        {"op": "copy", "from": "/metadata/labels/a~1b", "path": "/metadata/labels/d"},
    ]
    answer = await lab.admin.patch(HELLO, json=operations, headers=JSON_PATCH)
    assert answer.status_code == 200
    assert answer.json()["spec"]["replicas"] == 4
    assert answer.json()["metadata"]["labels"] == {"a/b": "c", "d": "c"}


async def test_strategic_patch_joins_containers_by_name(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    container = {"name": "app", "imagePullPolicy": "Always"}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    answer = await lab.admin.patch(HELLO, json=body, headers=STRATEGIC)
    (joined,) = answer.json()["spec"]["template"]["spec"]["containers"]
    assert joined == {"name": "app", "image": "registry.example/hello:1.0.0", "imagePullPolicy": "Always"}


async def test_scale_looks_like_the_captured_one(lab: Lab):
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    lab.store.patch("deployments.apps", "default", "hello", {"status": {"replicas": 2}})
    captured = sample("200-scale-get")["response"]
    scale = (await lab.admin.get(f"{HELLO}/scale")).json()
    assert (plain(scale), shape(scale)) == (plain(captured), shape(captured))
    patched = await merge(lab, f"{HELLO}/scale", sample("200-scale-patch")["request"]["body"])
    assert plain(patched) == plain(sample("200-scale-patch")["response"])
    assert (await lab.admin.get(HELLO)).json()["spec"]["replicas"] == 4


async def test_scale_of_a_postgres_cluster_is_its_instances(lab: Lab):
    path = "/apis/postgresql.cnpg.io/v1/namespaces/default/clusters"
    cluster = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "pg"}}
    await lab.make(path, {**cluster, "spec": {"instances": 3}})
    await merge(lab, f"{path}/pg/scale", {"spec": {"replicas": 2}})
    assert (await lab.admin.get(f"{path}/pg")).json()["spec"]["instances"] == 2


async def test_lease_is_created_as_captured_and_put_makes_a_missing_one(lab: Lab):
    captured = sample("201-lease-create")
    made = await lab.make(LEASES, captured["request"]["body"])
    assert (plain(made), shape(made)) == (plain(captured["response"]), shape(captured["response"]))
    other = {**captured["request"]["body"], "metadata": {"name": "other"}}
    assert (await lab.admin.put(f"{LEASES}/other", json=other)).status_code == 201
    blind = await lab.admin.put(f"{LEASES}/other", json=other)
    assert (blind.status_code, blind.json()["details"]["causes"][0]["field"]) == (422, "metadata.resourceVersion")


async def test_dry_run_answers_and_stores_nothing(lab: Lab):
    assert (await lab.admin.post(f"{DEPLOYMENTS}?dryRun=All", json=DEPLOYMENT)).status_code == 201
    assert (await lab.admin.get(HELLO)).status_code == 404
    await lab.make(DEPLOYMENTS, DEPLOYMENT)
    before = lab.store.revision
    assert (await lab.admin.delete(f"{HELLO}?dryRun=All")).json()["status"] == "Success"
    dry = await lab.admin.patch(f"{HELLO}?dryRun=All", json={"spec": {"replicas": 9}}, headers=MERGE)
    assert dry.json()["spec"]["replicas"] == 9
    assert lab.store.revision == before


async def test_delete_says_what_is_gone(lab: Lab):
    made = await lab.make(DEPLOYMENTS, DEPLOYMENT)
    wrong = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    assert (await lab.admin.request("DELETE", HELLO, json=wrong)).status_code == 409
    body = (await lab.admin.delete(HELLO)).json()
    assert body["status"] == "Success"
    assert body["details"] == {"name": "hello", "group": "apps", "kind": "deployments", "uid": made["metadata"]["uid"]}
    assert (await lab.admin.delete(HELLO)).status_code == 404


async def test_finalizers_hold_a_deleted_object(lab: Lab):
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["lab.example/hold"]}}
    await lab.make(CONFIG_MAPS, held)
    assert "deletionTimestamp" in (await lab.admin.delete(f"{CONFIG_MAPS}/held")).json()["metadata"]
    assert (await lab.admin.get(f"{CONFIG_MAPS}/held")).status_code == 200


async def test_eviction_deletes_the_pod(lab: Lab):
    lab.store.create("pods", {"metadata": {"name": "hello-1", "namespace": "default"}, "spec": {}})
    path = "/api/v1/namespaces/default/pods/hello-1/eviction"
    answer = await lab.admin.post(path, json={"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "hello-1"}})
    assert (answer.status_code, answer.json()) == (201, sample("201-eviction")["response"])
    assert lab.store.find("pods", "default", "hello-1") is None


async def test_both_versions_of_a_kind_show_the_same_object(lab: Lab):
    connector = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaConnector", "metadata": {"name": "source"}}
    await lab.make("/apis/kafka.strimzi.io/v1/namespaces/default/kafkaconnectors", {**connector, "spec": {"state": "running"}})
    older = (await lab.admin.get("/apis/kafka.strimzi.io/v1beta2/namespaces/default/kafkaconnectors/source")).json()
    assert older["apiVersion"] == "kafka.strimzi.io/v1beta2"
    wrong = {"spec": {"state": "asleep"}}
    path = "/apis/kafka.strimzi.io/v1/namespaces/default/kafkaconnectors/source"
    refused = await lab.admin.patch(path, json=wrong, headers=MERGE)
    assert (refused.status_code, refused.json()["details"]["causes"][0]["reason"]) == (422, "FieldValueNotSupported")
