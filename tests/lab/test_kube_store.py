"""The store: revisions, logs that expire, scenario changes."""

from datetime import UTC, datetime

import pytest
from kube_fixtures import Clock

from openova_console.lab.kube.cron import latest
from openova_console.lab.kube.store import AlreadyExists, Conflict, Expired, NotFound, ObjectStore


@pytest.fixture
def store() -> ObjectStore:
    made = ObjectStore(now=Clock(), seed=1, history=10)
    made.create("gslbs.k8gb.absa.oss", {"metadata": {"name": "app", "namespace": "shop"}, "spec": {"a": 1}})
    return made


def gslb(store: ObjectStore) -> dict:
    return store.get("gslbs.k8gb.absa.oss", "shop", "app")


def test_one_revision_grows_with_every_write(store):
    first = store.revision
    store.create("nodes", {"metadata": {"name": "n1"}})
    assert store.revision == first + 1
    assert store.get("nodes", "", "n1")["metadata"]["resourceVersion"] == str(store.revision)


def test_same_seed_same_uids():
    def uids() -> list[str]:
        store = ObjectStore(now=Clock(), seed=5)
        return [store.create("nodes", {"metadata": {"name": f"n{i}"}})["metadata"]["uid"] for i in range(3)]

    assert uids() == uids()
    assert len(set(uids())) == 3


def test_scenario_changes_like_a_controller(store):
    store.apply_inside("gslbs.k8gb.absa.oss", "shop", "app", lambda g: g.update(status={"geoTag": "eu"}))
    assert (gslb(store)["metadata"]["generation"], gslb(store)["status"]) == (1, {"geoTag": "eu"})
    store.patch("gslbs.k8gb.absa.oss", "shop", "app", {"spec": {"a": 2}})
    assert (gslb(store)["metadata"]["generation"], gslb(store)["status"]) == (2, {"geoTag": "eu"})


def test_copies_do_not_reach_the_store(store):
    gslb(store)["spec"]["a"] = 99
    assert gslb(store)["spec"]["a"] == 1


def test_refusals(store):
    with pytest.raises(NotFound):
        store.get("nodes", "", "nope")
    with pytest.raises(AlreadyExists):
        store.create("gslbs.k8gb.absa.oss", {"metadata": {"name": "app", "namespace": "shop"}})
    with pytest.raises(Conflict):
        store.update("gslbs.k8gb.absa.oss", gslb(store), revision="1")
    with pytest.raises(KeyError):
        store.list("unknowns.example")


def test_changes_after_a_revision_in_order_until_they_expire(store):
    since = store.revision
    for number in range(3):
        store.patch("gslbs.k8gb.absa.oss", "shop", "app", {"spec": {"a": 10 + number}})
    assert [change.type for change in store.changes("gslbs.k8gb.absa.oss", since)] == ["MODIFIED"] * 3
    for number in range(30):
        store.patch("gslbs.k8gb.absa.oss", "shop", "app", {"spec": {"a": 100 + number}})
    with pytest.raises(Expired):
        store.changes("gslbs.k8gb.absa.oss", since)
    assert len(store.changes("gslbs.k8gb.absa.oss", store.revision - 5)) == 5


def test_past_list_is_rebuilt(store):
    then = store.revision
    store.create("gslbs.k8gb.absa.oss", {"metadata": {"name": "b", "namespace": "shop"}})
    store.delete("gslbs.k8gb.absa.oss", "shop", "app")
    assert [record.name for record in store.records("gslbs.k8gb.absa.oss", at=then)] == ["app"]
    assert [record.name for record in store.records("gslbs.k8gb.absa.oss")] == ["b"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 * * * *", "2026-11-23T20:00"),
        ("0 2 * * *", "2026-11-23T02:00"),
        ("0 21 * * *", "2026-11-22T21:00"),
        ("0 3 * * 0", "2026-11-22T03:00"),
        ("0 0 1 * *", "2026-11-01T00:00"),
        ("0 2 1 */3 *", "2026-10-01T02:00"),
        ("0 0 2 * * *", "2026-11-23T02:00"),
        ("*/15 * * * *", "2026-11-23T20:15"),
    ],
)
def test_last_fire_time(expression, expected):
    now = datetime(2026, 11, 23, 20, 16, 30, tzinfo=UTC)
    assert latest(expression, now) == datetime.fromisoformat(f"{expected}:00+00:00")


def test_unreadable_schedule():
    for expression in ("* * *", "61 * * * *", "x * * * *"):
        with pytest.raises(ValueError, match=r".+"):
            latest(expression, datetime(2026, 11, 23, tzinfo=UTC))
