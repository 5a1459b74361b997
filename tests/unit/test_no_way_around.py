"""No way around the engine, in the source: what can write, who may call it, and what everything else can reach.

`tests/operations/test_entrances.py` walks every route, event handler and command from here on.
"""

import ast

import pytest

from openova_console.systems.kubernetes import KubernetesApi
from openova_console.systems.permit import Permit
from tests.support.source import PACKAGE, called, imports, modules, name_of, nodes, reached

SYSTEMS = f"{PACKAGE}.systems"
OPERATIONS = f"{PACKAGE}.operations"

SENDS = {
    "systems.kubernetes:KubernetesApi.merge_patch": "PATCH",
    "systems.kubernetes:KubernetesApi.create": "POST",
    # A query in a form: longer than an address may be. It reads.
    "systems.prometheus:Prometheus.ask": "POST",
    # The probe that measures MinIO's replication: one object of a bucket of the console's own, off unless it is set.
    "systems.minio:Minio.put_marker": "PUT",
}
"""Every place of the adapters that names a method which may write."""


def test_every_method_that_may_write_is_on_the_list():
    found = {
        str(place): node.value
        for place, node in nodes(SYSTEMS)
        if isinstance(node, ast.Constant) and node.value in ("POST", "PUT", "PATCH", "DELETE")
    }
    assert found == SENDS


def test_no_adapter_sends_by_the_clients_shortcuts():
    """`client.post(…)` would name no method: the adapters go through `fetch`, which takes it as a word."""
    clients = {"post", "put", "patch", "delete", "request"}
    found = {
        str(place)
        for place, node in nodes(SYSTEMS)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clients
    }
    assert not found


def test_a_method_is_a_word_or_comes_from_the_list():
    """Whoever passes a method on as a variable is called with words only, which the list above holds."""
    take_one = {
        (place.module, node.name)
        for place, node in nodes(SYSTEMS)
        if isinstance(node, ast.AsyncFunctionDef) and "method" in {a.arg for a in node.args.args}
    }
    assert {name for _, name in take_one} == {"fetch", "fetch_json", "_ask", "_marker"}
    passed_on = {
        str(place)
        for place, node in nodes(SYSTEMS)
        if isinstance(node, ast.Call) and _takes_a_method(place.module, name_of(node.func), take_one)
        if not any(isinstance(arg, ast.Constant) and isinstance(arg.value, str) and arg.value.isupper() for arg in node.args)
    }
    assert passed_on == {
        "systems.http:fetch",
        "systems.http:fetch_json",
        "systems.kubernetes:KubernetesApi._ask",
        "systems.minio:Minio._marker",
    }


def _takes_a_method(module: str, name: str, take_one: set[tuple[str, str]]) -> bool:
    return name in ("fetch", "fetch_json", "build_request") or (module, name) in take_one


def test_other_protocols_only_ask():
    """Valkey is asked for INFO, DNS is queried: no other command or message is made."""
    commands = {
        node.args[0].value
        for _, node in nodes(SYSTEMS)
        if isinstance(node, ast.Call) and name_of(node.func) in ("send_command", "execute_command") and node.args
        if isinstance(node.args[0], ast.Constant)
    }
    assert commands == {"INFO"}
    assert called("send_command") == {"systems.valkey:replication"} and not called("execute_command")
    dns = {found for module in modules() for found in imports(module) if found == "dns" or found.startswith("dns.")}
    assert not dns & {"dns.update", "dns.tsig", "dns.tsigkeyring", "dns.query"}
    assert {place for name in ("make_query", "make_response", "UpdateMessage") for place in called(name)} == {
        "systems.dns:make_question"
    }


NETWORK = ("httpx", "httpcore", "requests", "aiohttp", "urllib.request", "http.client", "socket", "ssl", "redis", "psycopg")
NETWORK += ("dns", "kubernetes", "subprocess", "smtplib", "websockets", "ftplib", "telnetlib", "pymongo", "hvac", "boto3")


def test_nothing_but_the_adapters_talks_to_anything():
    found = {
        module.removeprefix(PACKAGE + ".")
        for module in modules()
        if not module.startswith(SYSTEMS) and any(i == n or i.startswith(n + ".") for i in imports(module) for n in NETWORK)
    }
    # The command line looks at a console that runs, and starts one; people are told by webhook and mail, and that is no platform.
    tells = {"notify.addresses", "notify.failures", "notify.mailbox", "notify.webhook"}
    assert found == {"cli.frontend", "cli.offline", "cli.run", "cli.status"} | tells
    assert called("open_connection") | called("create_connection") | called("create_subprocess_exec") <= {
        "notify.mailbox:_connect"
    }


def test_every_write_takes_a_permit_that_nothing_else_makes():
    for method in (KubernetesApi.merge_patch, KubernetesApi.create):
        assert method.__kwdefaults__ is None or "permit" not in method.__kwdefaults__
        assert method.__annotations__["permit"] in (Permit, "Permit")
    assert called("Permit") == {"operations.executor:Executor._write", "operations.records:"}


def test_the_consoles_own_records_are_configmaps_and_nothing_else():
    kinds = [
        ast.unparse(node.args[0])
        for place, node in nodes(f"{OPERATIONS}.records")
        if isinstance(node, ast.Call) and any(k.arg == "permit" for k in node.keywords)
    ]
    assert kinds == ["kinds.CONFIG_MAPS", "kinds.CONFIG_MAPS"]


CALLS = {
    # Writes of the adapters: in a step's handler, or for the console's own records.
    "merge_patch": {"operations.steps.kubernetes:Patch.act", "operations.records:Records._put"},
    "put_marker": {"watch.collectors.minio:MinioCollector._look_at_marker"},
    # A step's handler acts only in the executor, after check, guards and books.
    "act": {"operations.executor:Executor._write"},
    # One way down to the executor: the durable run.
    "Executor": {"operations.engine:Engine.__init__"},
    "RunConductor": {"operations.engine:Engine.__init__"},
    "Clusters": {"operations.engine:Engine.__init__"},
    "run_v1": set(),
    # And one way to a durable run: what was approved, or is left over of that.
    "enqueue_async": {"operations.runs:Runs.enqueue"},
    "enqueue": {"operations.engine:Engine._enqueue", "operations.housekeeping:Housekeeping._mend"},
    "start_workflow_async": set(),
    "start_workflow": set(),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_leads_to_a_write_is_called_where_it_should_be_and_nowhere_else(name: str):
    assert called(name) == CALLS[name]


def test_an_adapter_creates_objects_only_with_a_permit_in_hand():
    found = {
        str(place)
        for place, node in nodes()
        if isinstance(node, ast.Call) and name_of(node.func) == "create" and any(k.arg == "permit" for k in node.keywords)
    }
    assert found == {"operations.records:Records._put"}


WRITERS = ("executor", "records", "clusters", "conductor", "runs", "steps")


@pytest.mark.parametrize("room", ["web", "api", "cli", "watch", "access", "notify", "store", "systems", "settings", "handbook"])
def test_no_other_room_imports_what_writes(room: str):
    forbidden = {f"{OPERATIONS}.{name}" for name in WRITERS} | {f"{SYSTEMS}.permit"}
    for module in modules():
        if module.startswith(f"{PACKAGE}.{room}") and module != f"{SYSTEMS}.kubernetes":
            found = {i for i in imports(module) for f in forbidden if i == f or i.startswith(f + ".")}
            assert not found, module


def test_whoever_reaches_a_permit_goes_through_the_operations():
    """From every module outside of them, by imports: the adapter that takes permits, and nothing that makes one."""
    makers = {f"{PACKAGE}.{place.partition(':')[0]}" for place in called("Permit")}
    for module in modules():
        if not module.startswith(OPERATIONS):
            assert not reached(module, but=OPERATIONS) & makers, module
