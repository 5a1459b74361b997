"""The lab's `/metrics`: the text format, the same series as its Prometheus, one job at a time when asked."""

from prometheus_client.parser import text_string_to_metric_families

from tests.lab.running import R1, R2, Running


async def scrape(here: Running, region: str, path: str = "/metrics") -> dict[str, list]:
    async with here.http(f"{region}/exporters") as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    found: dict[str, list] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


async def test_every_series_is_exported_with_its_labels(here: Running) -> None:
    exported = await scrape(here, R1)
    asked = await here.query(R1, '{region="region-1",__name__!="up"}')
    assert sum(map(len, exported.values())) == len(asked) > 15
    for row in asked:
        metric = dict(row["metric"])
        name = metric.pop("__name__")
        assert metric in [{k: v for k, v in sample.labels.items() if v} for sample in exported[name]]


async def test_one_job_is_exported_as_its_own_exporter_would(here: Running) -> None:
    only = await scrape(here, R2, "/metrics/cross-region")
    assert set(only) == {"probe_duration_seconds", "probe_success"}
    assert set(only["probe_success"][0].labels) == {"region"}
    assert set(await scrape(here, R2, "/metrics/databases/postgres")) >= {
        "cnpg_pg_replication_lag",
        "cnpg_collector_up",
    }


async def test_an_unknown_job_is_not_found_and_the_answer_names_the_known(here: Running) -> None:
    async with here.http(f"{R2}/exporters") as client:
        answer = await client.get("/metrics/nope")
    assert answer.status_code == 404 and "wireguard" in answer.text


async def test_a_standby_that_is_gone_has_no_row(here: Running) -> None:
    await here.go("wal_receiver_dead", 10)
    exported = await scrape(here, R1)
    rows = exported["cnpg_pg_stat_replication_flush_lag_seconds"]
    assert [row.labels["pod"] for row in rows] == ["gitea-postgres-1"]
    slots = {row.labels["pod"]: row.value for row in exported["cnpg_pg_replication_slots_pg_wal_lsn_diff"]}
    assert slots["postgres-1"] > 1e5
