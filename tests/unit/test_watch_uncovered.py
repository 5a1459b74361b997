"""State that no row covers is named with what is known of a copy, and is never taken for safe."""

from openova_console.handbook.words import Reading
from openova_console.systems import cnpg
from openova_console.watch.board.uncovered import uncovered_rows
from openova_console.watch.snapshot import Snapshot
from tests.support.factories import NOW, ago, settings

BOTH = settings()


def cluster(name: str, *, primary: bool) -> cnpg.ClusterFacts:
    spec = {} if primary else {"replica": {"enabled": True, "source": "x"}}
    return cnpg.cluster({"metadata": {"namespace": "databases", "name": name}, "spec": spec}, source="test")


def rows(here: dict[str, bool] | None, there: dict[str, bool] | None, age_s: float = 1) -> dict[str, str]:
    kube = {}
    for region, found in (("region-1", here), ("region-2", there)):
        if found is not None:
            value = {("databases", name): cluster(name, primary=primary) for name, primary in found.items()}
            kube[region, "clusters"] = Reading(value, "", ago(age_s), "test")
    found = uncovered_rows(Snapshot(kube=kube), BOTH, BOTH.regions[0], NOW)
    return {row.name: row.sentence for row in found}


def test_a_service_without_a_cluster_is_named():
    assert rows({}, {})["Keycloak"].startswith("No Cluster databases/keycloak-postgres")


def test_a_cluster_without_a_copy_says_so():
    found = rows({"keycloak-postgres": True}, {})
    assert found["Keycloak"] == "Region 2 has no Cluster databases/keycloak-postgres: there is no copy"


def test_a_replica_is_a_copy_that_nobody_measures():
    found = rows({"keycloak-postgres": True}, {"keycloak-postgres": False})
    assert found["Keycloak"] == "Region 2 has a replica; how far it is behind is not measured"


def test_a_cluster_that_follows_nobody_is_no_copy():
    assert rows({"keycloak-postgres": True}, {"keycloak-postgres": True})["Keycloak"].endswith("it is no copy")


def test_another_database_is_found_by_itself_and_the_measured_one_is_not_listed():
    found = rows({"shop": True, "postgres": True}, {})
    assert found["databases/shop"] == "Region 2 has no Cluster databases/shop: there is no copy"
    assert "databases/postgres" not in found


def test_what_cannot_be_read_is_not_known():
    for found in (rows({"keycloak-postgres": True}, None), rows(None, {}), rows({}, {}, age_s=3600)):
        assert found["Keycloak"].startswith("Whether there is a copy is not known")
