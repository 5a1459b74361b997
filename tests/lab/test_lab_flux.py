"""Kustomizations are suspended and resumed as kustomize-controller does it, and a suspended one falls behind Git."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_fixtures import Clock, sample

from openova_console.lab.kube import flux
from openova_console.lab.kube.flux import KUSTOMIZATIONS, REPOSITORIES, REQUESTED, Git
from openova_console.lab.kube.seed import seed
from openova_console.lab.kube.store import ObjectStore
from tests.lab.running import R1, R2, Running

Json = dict[str, Any]
NAMESPACE, STORAGE, CHILD, PARENT = "flux-system", "storage", "acme-staging", "tenants"


class Region:
    """One region's store with Flux alone at work."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.born = self.clock()
        self.store = ObjectStore(now=self.clock, seed=3)
        names = {"region_id": R1, "geo_tag": R1, "is_primary": True, "peer_id": R2}
        seed(self.store, now=self.born, rng=random.Random(3), **names)

    def step(self, seconds: float = 1, *, failing: bool = False, busy: bool = False, paused: tuple[str, ...] = ()) -> None:
        since = self.clock()
        self.clock.advance(seconds=seconds)
        git = Git(self.born, failing=failing, busy=busy)
        flux.advance(self.store, git, since=since, now=self.clock(), paused=paused)

    def until(self, holds: Callable[[], bool], **options: bool) -> int:
        for second in range(1, 1000):
            self.step(**options)
            if holds():
                return second
        raise AssertionError("it never held")

    def get(self, name: str = STORAGE) -> Json:
        found: Json = self.store.get(KUSTOMIZATIONS, NAMESPACE, name)
        return found

    def suspend(self, suspended: bool, name: str = STORAGE) -> Json:
        changed: Json = self.store.patch(KUSTOMIZATIONS, NAMESPACE, name, {"spec": {"suspend": suspended}})
        return changed

    def ask(self, token: str, name: str = STORAGE) -> None:
        self.store.patch(KUSTOMIZATIONS, NAMESPACE, name, {"metadata": {"annotations": {REQUESTED: token}}})

    def head(self, name: str = "platform") -> str:
        revision: str = self.store.get(REPOSITORIES, NAMESPACE, name)["status"]["artifact"]["revision"]
        return revision


def row(document: Json, kind: str = "Ready") -> Json:
    found = [condition for condition in document["status"]["conditions"] if condition["type"] == kind]
    return found[0] if found else {}


def said(document: Json, kind: str = "Ready") -> tuple[str, str]:
    found = row(document, kind)
    return found.get("status", ""), found.get("reason", "")


def keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value[:1]] if isinstance(value, list) else ""


READY = ("True", "ReconciliationSucceeded")


def test_a_suspended_kustomization_falls_behind_and_keeps_its_old_ready():
    region = Region()
    region.step(2)
    before = region.get()
    generation = region.suspend(True)["metadata"]["generation"]
    assert generation == before["metadata"]["generation"] + 1
    region.step(2000)
    after = region.get()
    assert after["status"] == before["status"] | {"observedGeneration": generation}
    assert region.head() != after["status"]["lastAppliedRevision"]
    assert region.get("network")["status"]["lastAppliedRevision"] == region.head()


def test_a_resumed_one_is_unknown_for_a_moment_and_then_ready_at_the_newest_revision():
    region = Region()
    region.suspend(True)
    region.step(2000)
    generation = region.suspend(False)["metadata"]["generation"]
    region.step()
    under_way = region.get()
    assert said(under_way) == ("Unknown", "Progressing") and said(under_way, "Reconciling") == ("True", "Progressing")
    assert under_way["status"]["lastAppliedRevision"] != region.head(), "nothing is applied yet"
    assert under_way["status"]["observedGeneration"] == generation - 1
    assert region.until(lambda: said(region.get()) == READY) <= 4
    status = region.get()["status"]
    assert status["observedGeneration"] == row(region.get())["observedGeneration"] == generation
    assert status["lastAppliedRevision"] == status["lastAttemptedRevision"] == region.head()
    assert row(region.get(), "Reconciling") == {}
    assert row(region.get())["message"] == f"Applied revision: {region.head()}"


def test_resumed_and_ready_looks_like_the_captured_one():
    region = Region()
    region.suspend(True)
    region.step(5)
    region.suspend(False)
    region.step(10)
    captured = sample("flux-kustomization-ready")
    captured = captured.get("response", captured)["status"]
    ours = region.get()["status"]
    assert keys({**captured, "lastHandledReconcileAt": ""}) == keys({**ours, "lastHandledReconcileAt": ""})


def test_a_resume_that_does_not_build_ends_not_ready_and_heals_after_its_retry_interval():
    region = Region()
    region.suspend(True)
    region.step(5)
    generation = region.suspend(False)["metadata"]["generation"]
    assert region.until(lambda: said(region.get())[0] == "False", failing=True) <= 5
    failed = region.get()
    assert said(failed) == ("False", "BuildFailed")
    assert said(failed, "Reconciling") == ("True", "ProgressingWithRetry")
    assert failed["status"]["observedGeneration"] == generation - 1, "only a success has observed it"
    assert row(failed)["message"].startswith("kustomize build failed: ")
    assert said(region.get("network")) == READY, "the others were not reconciled meanwhile"
    region.step(30)
    assert said(region.get())[0] == "False"
    region.step(40)
    assert said(region.get()) == READY and region.get()["status"]["observedGeneration"] == generation


def test_what_fails_can_be_suspended_and_does_not_look_ready_for_it():
    region = Region()
    region.ask("now")
    region.step(10, failing=True)
    generation = region.suspend(True)["metadata"]["generation"]
    region.step(600)
    assert said(region.get()) == ("False", "BuildFailed")
    assert region.get()["status"]["observedGeneration"] < generation


def test_a_request_is_seen_when_it_ends_and_while_suspended_at_once_without_effect():
    region = Region()
    region.ask("first")
    region.step()
    assert region.get()["status"].get("lastHandledReconcileAt") != "first" and said(region.get())[0] == "Unknown"
    region.step(5)
    assert region.get()["status"]["lastHandledReconcileAt"] == "first"
    region.suspend(True)
    region.step(2000)
    applied = region.get()["status"]["lastAppliedRevision"]
    region.ask("second")
    region.step()
    status = region.get()["status"]
    assert (status["lastHandledReconcileAt"], status["lastAppliedRevision"]) == ("second", applied)


def test_the_parent_puts_back_what_git_says_unless_it_is_suspended_too():
    region = Region()
    region.suspend(True, CHILD)
    region.suspend(True, STORAGE)
    seconds = region.until(lambda: region.get(CHILD)["spec"]["suspend"] is False)
    assert seconds <= 60, "the parent's interval"
    assert region.get(STORAGE)["spec"]["suspend"] is True, "nobody applies this one"
    region.suspend(True, PARENT)
    region.suspend(True, CHILD)
    region.step(2000)
    assert region.get(CHILD)["spec"]["suspend"] is True
    region.suspend(False, PARENT)
    region.step(10)
    assert region.get(CHILD)["spec"]["suspend"] is False


def test_the_owned_one_names_its_parent():
    region = Region()
    labels = region.get(CHILD)["metadata"]["labels"]
    group = "kustomize.toolkit.fluxcd.io"
    assert (labels[f"{group}/namespace"], labels[f"{group}/name"]) == (NAMESPACE, PARENT)
    assert region.get(CHILD)["spec"]["suspend"] is False


def test_commits_arrive_now_and_then_and_often_when_asked_to():
    region = Region()
    first = region.head()
    region.step(60)
    assert region.head() == first
    region.step(900)
    second = region.head()
    assert second != first
    region.step(11, busy=True)
    third = region.head()
    region.step(11, busy=True)
    assert len({first, second, third, region.head()}) == 4
    region.step(2)
    assert {region.get(name)["status"]["lastAppliedRevision"] for name in (STORAGE, "network")} == {region.head()}


def test_a_suspended_source_fetches_nothing_until_it_is_resumed():
    region = Region()
    where = (REPOSITORIES, NAMESPACE, "platform")
    region.store.patch(*where, {"spec": {"suspend": True}})
    first = region.head()
    region.step(2000)
    assert region.head() == first
    generation = region.store.patch(*where, {"spec": {"suspend": False}})["metadata"]["generation"]
    region.step(2)
    assert region.head() != first
    assert region.store.get(*where)["status"]["observedGeneration"] == generation
    captured = sample("flux-gitrepository-ready")["status"]
    ours = region.store.get(*where)["status"]
    assert set(captured) <= set(ours) and set(captured["artifact"]) == set(ours["artifact"])


def test_what_a_scenario_holds_is_left_alone():
    region = Region()
    before = region.get()
    region.step(5000, paused=(f"{KUSTOMIZATIONS}/{NAMESPACE}/{STORAGE}",))
    assert region.get() == before
    assert region.get("network") != before


def test_history_counts_the_same_revision_and_keeps_five():
    region = Region()
    for _ in range(8):
        region.step(900)
    history = region.get()["status"]["history"]
    assert len(history) == 5
    assert history[0]["metadata"]["revision"] == region.head()
    total = history[0]["totalReconciliations"]
    region.step(601)
    again = region.get()["status"]["history"][0]
    assert again["totalReconciliations"] in (total + 1, 1)


@given(st.integers(0, 30 * 86400), st.booleans())
def test_the_newest_commit_is_never_of_the_future_and_the_same_in_both_regions(seconds: int, busy: bool):
    now = datetime.fromtimestamp(1.8e9 + seconds, UTC)
    for name in ("platform", "tenants", "another"):
        here, there = Git(now, busy=busy), Git(datetime.min.replace(tzinfo=UTC), busy=busy)
        assert here.newest(name, now) == there.newest(name, now) <= now


@pytest.mark.parametrize(("text", "wanted"), [("10m0s", 600), ("1h30m", 5400), ("30s", 30), ("1m0s", 60)])
def test_durations(text: str, wanted: int):
    assert flux.seconds(text) == wanted


async def patched(here: Running, suspended: bool) -> Json:
    path = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations/{STORAGE}"
    query = {"fieldManager": "openova-console", "fieldValidation": "Strict"}
    token = here.lab.folder.secret(f"{R1}-kubernetes-actor.token")
    async with here.http(f"{R1}/kubernetes", token=token) as actor:
        found = (await actor.get(path)).json()
        metadata = {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": {"openova.io/operation": "op-1"}}
        change = {"metadata": metadata, "spec": {"suspend": suspended}}
        merge = {"Content-Type": "application/merge-patch+json"}
        answer = await actor.patch(path, params=query, json=change, headers=merge)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def test_suspend_and_resume_over_the_wire_and_both_regions_follow_the_same_commits(here: Running):
    await patched(here, True)
    await here.lab.advance(1500)
    stores = [here.lab.regions[region].store for region in (R1, R2)]
    one, other = (store.get(KUSTOMIZATIONS, NAMESPACE, STORAGE) for store in stores)
    assert one["status"]["lastAppliedRevision"] != other["status"]["lastAppliedRevision"]
    resumed = await patched(here, False)
    await here.lab.advance(10)
    one = stores[0].get(KUSTOMIZATIONS, NAMESPACE, STORAGE)
    assert one["status"]["lastAppliedRevision"] == other["status"]["lastAppliedRevision"]
    assert one["status"]["observedGeneration"] == resumed["metadata"]["generation"]
    await here.lab.set_trouble("kustomization_fails", True)
    await patched(here, True)
    await here.lab.advance(5)
    await patched(here, False)
    await here.lab.advance(10)
    assert said(stores[0].get(KUSTOMIZATIONS, NAMESPACE, STORAGE)) == ("False", "BuildFailed")
