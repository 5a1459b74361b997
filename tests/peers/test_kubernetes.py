"""The Kubernetes adapter and the mirror on real API servers. Custom resources by hand prove the transport only."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from openova_console.settings import Settings
from openova_console.systems import cert_manager, cnpg, errors, flux, kinds, kubernetes, lease, nodes, velero
from openova_console.systems.permit import Permit
from openova_console.watch.mirror import Mirror
from tests.peers import ask, objects
from tests.peers.servers.kubernetes import CONFIG_MAPS
from tests.peers.world import World

PERMIT = Permit("test", 1, 1)


@pytest.fixture
async def reader(world: World):
    """Region 1 with the console's own role."""
    api = await ask.connect(world.api["region-1"], world.api["region-1"].tokens["reader"])
    yield api
    await api.aclose()


@pytest.fixture
async def admin(world: World):
    api = await ask.connect(world.api["region-1"], world.api["region-1"].tokens["admin"])
    yield api
    await api.aclose()


@contextlib.asynccontextmanager
async def running(mirror: Mirror):
    task = asyncio.create_task(mirror.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_version(reader):
    found = await reader.version()
    assert found.git_version.startswith("v1.34.2")
    assert "gitVersion" in found.exchange.answer


async def test_every_kind_can_be_read_with_the_readers_role(reader):
    source = reader.source
    found = {kind: (await reader.list(kind)).items for kind in (kinds.NODES, kinds.CNPG_CLUSTERS, kinds.CERTIFICATES)}
    counted = nodes.facts(found[kinds.NODES], source=source)
    assert (counted.ready, counted.total, counted.versions) == (3, 3, ("v1.34.2",))
    cluster = cnpg.cluster(found[kinds.CNPG_CLUSTERS][0], source=source)
    assert (cluster.is_primary, cluster.ready_instances, cluster.continuous_archiving) == (True, 1, True)
    gateway, web = cert_manager.facts(found[kinds.CERTIFICATES], source=source)
    assert (gateway.name, gateway.ready, web.name) == ("gateway", True, "web")
    assert 19 <= (gateway.not_after - datetime.now(UTC)).days <= 20
    held = lease.facts((await reader.get(kinds.LEASES, "failover-controller", "openova-active")).body, source=source)
    assert (held.holder, held.duration_s) == ("region-1", 30)
    saved = velero.facts(
        (await reader.list(kinds.VELERO_BACKUPS)).items, (await reader.list(kinds.BACKUP_LOCATIONS)).items, source=source
    )
    assert saved.newest_completed.name == "daily-2" and saved.locations == (("default", "Available"),)
    assert len((await reader.list(kinds.GSLBS)).items) == 1
    assert (await reader.list(kinds.CNPG_BACKUPS)).items == ()


async def test_flux_objects_that_are_ready_and_suspended(reader):
    items = [
        (kind, item)
        for kind, resource in (
            ("Kustomization", kinds.KUSTOMIZATIONS),
            ("HelmRelease", kinds.HELM_RELEASES),
            ("GitRepository", kinds.GIT_REPOSITORIES),
        )
        for item in (await reader.list(resource)).items
    ]
    found = flux.facts(items, source=reader.source)
    assert (found.ready, found.total) == (3, 4)
    assert [o.name for o in found.having("suspended")] == ["apps"]
    assert found.having("ready")[0].revision == objects.REVISION


async def test_a_list_comes_in_pages_from_one_version(world: World, admin):
    for number in range(7):
        world.api["region-1"].apply(CONFIG_MAPS, {"metadata": {"name": f"page-{number}", "namespace": "paging"}, "data": {}})
    found = await admin.list(CONFIG_MAPS, namespace="paging", page=3)
    names = {i["metadata"]["name"] for i in found.items}
    assert names >= {f"page-{n}" for n in range(7)}
    only = await admin.list(CONFIG_MAPS, namespace="paging", metadata_only=True)
    assert all("data" not in item for item in only.items)


async def test_who_may_not_is_refused(world: World, reader, tmp_path):
    server = world.api["region-1"]
    viewer = await ask.connect(server, server.tokens["viewer"])
    with pytest.raises(errors.Refused) as caught:
        await viewer.list(kinds.NODES)
    assert caught.value.status == 403
    with pytest.raises(errors.Refused):
        async for _ in viewer.watch(kinds.NODES, resource_version="1", timeout_s=1):
            pass
    await viewer.aclose()
    with pytest.raises(errors.Refused) as caught:
        found = await reader.get(kinds.CNPG_CLUSTERS, "databases", "postgres")
        await reader.merge_patch(
            kinds.CNPG_CLUSTERS, "databases", "postgres", {"spec": {}}, resource_version=found.resource_version, permit=PERMIT
        )
    assert caught.value.status == 403
    (tmp_path / "token").write_text("stolen")
    stranger = await ask.connect(server, tmp_path / "token")
    with pytest.raises(errors.Refused) as caught:
        await stranger.version()
    await stranger.aclose()
    assert caught.value.status == 401
    assert "stolen" not in caught.value.sentence


async def test_what_is_not_there(admin):
    with pytest.raises(errors.Absent):
        await admin.get(kinds.LEASES, "failover-controller", "nobody")
    with pytest.raises(errors.NotInstalled):
        await admin.list(kinds.Resource("nothing.example.test", "v1", "things"))


async def test_the_servers_certificate_is_verified(world: World):
    server = world.api["region-1"]
    endpoint = kubernetes.KubernetesEndpoint(server=server.url, token_file=server.tokens["reader"])
    api = await kubernetes.connect(endpoint, region="Region 1", network=ask.NETWORK)
    with pytest.raises(errors.TlsFailed, match="certificate that is not accepted"):
        await api.version()
    await api.aclose()


async def test_a_stale_change_is_a_conflict(admin):
    where = (kinds.CNPG_CLUSTERS, "databases", "postgres")
    old = await admin.get(*where)
    changed = await admin.merge_patch(*where, {"spec": {"note": "first"}}, resource_version=old.resource_version, permit=PERMIT)
    assert changed.body["spec"]["note"] == "first"
    with pytest.raises(errors.Conflict) as caught:
        await admin.merge_patch(*where, {"spec": {"note": "second"}}, resource_version=old.resource_version, permit=PERMIT)
    assert caught.value.reason == "Conflict"
    assert (await admin.get(*where)).body["spec"]["note"] == "first"


async def test_a_mirror_follows_changes(world: World, reader):
    server = world.api["region-1"]
    mirror = Mirror(reader, kinds.CERTIFICATES, timeout_s=2)
    async with running(mirror), asyncio.timeout(15):
        seen = await mirror.changed(0)
        assert ("ingress", "web") in mirror.objects
        server.apply(*objects.certificate("extra", days=5, now=datetime.now(UTC)))
        while ("ingress", "extra") not in mirror.objects:
            seen = await mirror.changed(seen)
        server.delete(kinds.CERTIFICATES, "ingress", "extra")
        while ("ingress", "extra") in mirror.objects:
            seen = await mirror.changed(seen)
        # With nothing to tell, the end of each watch confirms the copy.
        confirmed = mirror.confirmed_at
        while mirror.confirmed_at == confirmed:
            await asyncio.sleep(0.1)
        assert mirror.version == seen and mirror.error == ""


async def test_a_server_that_hangs_is_a_time_out(world: World):
    server = world.api["region-2"]
    api = await ask.connect(server, server.tokens["reader"], deadline_s=0.5)
    server.freeze()
    try:
        with pytest.raises(errors.TimedOut, match=r"did not answer within 0\.5 s"):
            await api.version()
    finally:
        server.thaw()
        await api.aclose()


async def test_a_mirror_outlives_the_server_and_an_expired_watch_is_410_in_the_stream(world: World, settings: Settings):
    server = world.api["region-2"]
    api = await ask.connect(server, server.tokens["reader"])
    mirror = Mirror(api, kinds.NODES, timeout_s=2)
    async with running(mirror), asyncio.timeout(60):
        await mirror.changed(0)
        server.kill_server()
        while not mirror.error:
            await asyncio.sleep(0.1)
        assert len(mirror.objects) == 3
        stale_since = mirror.confirmed_at
        await asyncio.to_thread(server.start_server)
        server.apply(*objects.node("region-2-worker-4", now=datetime.now(UTC), ready=False))
        while len(mirror.objects) != 4:
            await asyncio.sleep(0.1)
        assert mirror.error == "" and mirror.confirmed_at > stale_since
        assert nodes.facts(mirror.objects.values(), source=api.source).not_ready == ("region-2-worker-4",)
        server.delete(kinds.NODES, None, "region-2-worker-4")

        # The watch cache of a server that has restarted reaches back to the restart only.
        with pytest.raises(errors.Expired):
            async for _ in api.watch(kinds.NODES, resource_version="5", timeout_s=2):
                pass
        late = Mirror(api, kinds.NODES, timeout_s=1)
        late._resource_version, late._listed_at = "5", asyncio.get_running_loop().time()
        with pytest.raises(errors.Expired):
            await late.run_once()
        await late.run_once()
        assert len(late.objects) == 3
    await api.aclose()
