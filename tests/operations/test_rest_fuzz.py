"""Schemathesis on the API's own document: whatever is sent, the answer is one that the document tells of, and never a 5xx.

The cases are the same in every run. The engine lives on a loop of its own, as it does behind a server.
"""

import asyncio
import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from openova_console.api.rest import schema
from openova_console.lab.clock import Clock
from openova_console.operations.catalogue import CATALOGUE
from tests.lab.running import running
from tests.operations.test_rest_access import MAY
from tests.support.engines import REASON, RESTART, engine_on
from tests.support.rest import PLENTY, Api

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
EXAMPLES = 30
BASE = "http://localhost/api/v1"
ROUTES = sorted((method, path) for method, path in MAY if path != "/openapi.json")
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
KINDS = {"restart-workload": RESTART, "resume-kustomization": {"region": "region-1", "namespace": "flux-system", "name": "apps"}}


class Served:
    """An API on a loop of its own, and who sends it cases."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self.ids: dict[str, str] = {}
        self.run(self._begin(folder))

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _begin(self, folder: Path) -> None:
        lab = await running(folder / "lab", clock=Clock())
        self._stack.push_async_callback(lab.lab.stop)
        bench = await self._stack.enter_async_context(engine_on(lab.path / "console.yaml", folder))
        # Nothing that is sent here may hold the test up.
        self.api = Api(bench, limits=PLENTY.model_copy(update={"wait_s": 0}))
        self._cookie = f"openova={self.api.token('admin')}"
        transport = httpx.ASGITransport(self.api.app)
        self._client = await self._stack.enter_async_context(httpx.AsyncClient(transport=transport))
        self.ids["operations"] = (await self.api.pending()).id
        frozen = await self.api.say("POST", "/freezes", {"scope": "kind", "value": "revoke-token", "reason": REASON})
        incident = await self.api.say("POST", "/incidents", {"title": "practice"})
        self.ids |= {"freezes": frozen.json["id"], "incidents": incident.json["id"]}
        self.document = schema.document(self.api.api)

    def send(self, case: Any) -> httpx.Response:
        """Send one case as an administrator's browser would."""
        sent = requests.Request(**_known(case.as_transport_kwargs(base_url=BASE))).prepare()
        headers = [(k, v) for k, v in _pairs(sent.headers) if k.lower() not in ("cookie", "origin", "host", "authorization")]
        headers += [("cookie", self._cookie), ("origin", "http://localhost"), ("host", "localhost")]
        body = sent.body if sent.body is not None else b""
        request = httpx.Request(sent.method or "GET", sent.url or BASE, headers=headers, content=body)
        return self.run(self._client.send(request))  # type: ignore[no-any-return]

    def stop(self) -> None:
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def _known(kwargs: dict[str, Any]) -> dict[str, Any]:
    names = ("method", "url", "headers", "files", "data", "params", "auth", "cookies", "json")
    return {name: value for name, value in kwargs.items() if name in names}


def _pairs(headers: Any) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        yield tuple(part.decode("latin-1") if isinstance(part, bytes) else part for part in (name, value))  # type: ignore[misc]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("served"))
    yield one
    one.stop()


def _each(strategy: Any, try_: Callable[[Any], None], examples: int = EXAMPLES) -> None:
    """Try so many examples, the same ones in every run."""

    @settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def tried(case: Any) -> None:
        try_(case)

    tried()


def _check(served: Served, case: Any, *more: Any) -> httpx.Response:
    answer = served.send(case)
    case.validate_response(answer, checks=[*CHECKS, *more])
    return answer


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_answers_are_those_of_the_document(served: Served, method: str, path: str) -> None:
    loaded = schemathesis.openapi.from_dict(served.document)
    operation = loaded[path][method]
    known = served.ids.get(path.split("/")[1], "0" * 32)
    here: dict[str, Any] = {"path_parameters": {"id": known}} if "{id}" in path else {}
    good = operation.as_strategy(GenerationMode.POSITIVE, **here)
    bad = operation.as_strategy(GenerationMode.NEGATIVE)
    _each(good, lambda case: _check(served, case))
    if operation.body or operation.query or here:
        _each(bad, lambda case: _check(served, case, openapi_checks.negative_data_rejection))


numbers = st.floats(allow_nan=False, allow_infinity=False)
anything = st.dictionaries(
    st.sampled_from(["region", "name", "namespace", "workload", "owner", "days", "scopes", "template", "limits"]),
    st.recursive(st.none() | st.text(max_size=5) | st.integers() | numbers, st.lists, max_leaves=3),
)


def asked_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """A request of this kind: with parameters of its own, of another kind, or of none."""
    return st.fixed_dictionaries(
        {
            "kind": st.just(kind),
            "params": st.just(KINDS.get(kind, {})) | st.sampled_from(list(KINDS.values())) | anything,
            "reason": st.just(REASON) | st.text(max_size=8),
        },
        optional={
            "overrides": st.dictionaries(st.sampled_from(["freeze", "cool-down", "nonsense"]), st.text(max_size=12), max_size=2)
        },
    )


asked = st.sampled_from(sorted(CATALOGUE)).flatmap(asked_of)


@pytest.mark.parametrize("path", ["/operations", "/operations/preview"])
def test_every_kind_takes_every_parameter_for_what_it_is(served: Served, path: str) -> None:
    operation = schemathesis.openapi.from_dict(served.document)[path]["POST"]
    seen = set[int]()

    def try_(body: dict[str, Any]) -> None:
        if path.endswith("preview"):
            body = {name: value for name, value in body.items() if name != "reason"}
        case = operation.Case(headers={"Idempotency-Key": "k"}, body=body, media_type="application/json")
        seen.add(_check(served, case).status_code)

    _each(asked, try_, examples=60)
    assert len(seen) >= 2, seen


@pytest.mark.parametrize("kind", sorted(CATALOGUE))
def test_every_kind_is_previewed_whatever_its_parameters_name(served: Served, kind: str) -> None:
    """Parameters that fit the kind's own schema: they parse, and so reach its evidence, its plan and its guards."""
    document = copy.deepcopy(served.document)
    schemas = document["components"]["schemas"]
    params = CATALOGUE[kind].params.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(params.pop("$defs", {}))
    for name in {"name", "owner"} & set(params["properties"]):
        # The schema does not tell what an account's name may be.
        params["properties"][name].setdefault("pattern", "^[a-z]{3,10}$")
    schemas["Preview"]["properties"] |= {"kind": {"const": kind}, "params": params}
    operation = schemathesis.openapi.from_dict(document)["/operations/preview"]["POST"]
    seen = set[int]()
    _each(operation.as_strategy(GenerationMode.POSITIVE), lambda case: seen.add(_check(served, case).status_code))
    assert 200 in seen, seen


def test_the_document_names_nothing_from_inside(served: Served) -> None:
    assert [name for name in served.document["components"]["schemas"] if "_" in name] == []


def test_a_document_that_tells_something_else_is_noticed(served: Served) -> None:
    """The checks above can fail: with one field of one answer said to be of another type, they do."""
    document = schema.get_openapi(title="x", version="1", routes=served.api.api.routes, servers=[{"url": "/api/v1"}])
    document["components"]["schemas"]["Summary"]["properties"]["title"] = {"type": "integer"}
    operation = schemathesis.openapi.from_dict(document)["/operations"]["GET"]
    case = operation.Case()
    with pytest.raises(BaseException, match="Response violates schema"):
        _check(served, case)
