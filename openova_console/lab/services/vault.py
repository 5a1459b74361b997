"""Vault's HTTP API as Vault 1.14 answers: health, seal status, and KV v2 metadata. Nothing that could give a value.

The console's token has the policy `path "secret/metadata/*" {capabilities = ["read", "list"]}`: everything else is 403.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from openova_console.lab.names import REGIONS
from openova_console.lab.site import Service, Site
from openova_console.lab.vault import ROTATES, Held
from openova_console.lab.waves import hexdigits

VERSION: Final = "1.14.1"
_MOUNT: Final = "secret"


def application(site: Site) -> web.Application:
    """The routes of one region's vault."""
    api = _Api(site)
    app = web.Application()
    app.router.add_get("/v1/sys/health", api.health)
    app.router.add_get("/v1/sys/seal-status", api.seal_status)
    app.router.add_get(f"/v1/{_MOUNT}/metadata/{{key:.+}}", api.metadata)
    app.router.add_route("*", "/{rest:.*}", api.anything)
    return app


class _Api:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._token = site.secret(f"{site.region}-vault.token")

    @property
    def _sealed(self) -> bool:
        return self._site.world.vaults.sealed(self._site.epoch, self._site.region)

    def _cluster(self) -> dict[str, str]:
        cluster = hexdigits(32, "vault", self._site.region)
        parts = (cluster[:8], cluster[8:12], cluster[12:16], cluster[16:20], cluster[20:])
        return {"cluster_name": f"vault-cluster-{cluster[:8]}", "cluster_id": "-".join(parts)}

    async def health(self, request: web.Request) -> web.Response:
        sealed = self._sealed
        mode = "unknown" if sealed else "disabled"
        body = {
            "initialized": True,
            "sealed": sealed,
            "standby": sealed,
            "performance_standby": False,
            "replication_performance_mode": mode,
            "replication_dr_mode": mode,
            "server_time_utc": int(self._site.clock.unix()),
            "version": VERSION,
            **({} if sealed else self._cluster()),
        }
        wish = request.query.get("sealedcode", "503") if sealed else request.query.get("activecode", "200")
        return _answer(body, int(wish) if wish.isdigit() and 200 <= int(wish) < 600 else 400)

    async def seal_status(self, request: web.Request) -> web.Response:
        sealed = self._sealed
        body = {
            "type": "shamir",
            "initialized": True,
            "sealed": sealed,
            "t": 3,
            "n": 5,
            "progress": 0,
            "nonce": "",
            "version": VERSION,
            "build_date": "",
            "migration": False,
            **({} if sealed else self._cluster()),
            "recovery_seal": False,
            "storage_type": "raft",
        }
        return _answer(body)

    async def metadata(self, request: web.Request) -> web.Response:
        if self._sealed:
            return _errors(503, "Vault is sealed")
        forbidden = self._site.region == REGIONS[1] and self._site.trouble("vault_forbidden")
        if request.headers.get("X-Vault-Token") != self._token or forbidden:
            return _errors(403, "permission denied")
        key = request.match_info["key"]
        if key not in ROTATES:
            return _errors(404)
        held = self._site.world.vaults.held(self._site.epoch, self._site.region, key, self._site.clock.unix())
        marks = {"fingerprint": held.fingerprint, "managed-by": "external-secrets", "rotation_id": held.rotation_id}
        if self._site.region == REGIONS[1] and self._site.trouble("vault_no_fingerprint"):
            del marks["fingerprint"]
        return _answer(
            {
                "request_id": hexdigits(32, self._site.region, key, self._site.clock.unix()),
                "lease_id": "",
                "renewable": False,
                "lease_duration": 0,
                "data": _metadata(held, marks),
                "wrap_info": None,
                "warnings": None,
                "auth": None,
            }
        )

    async def anything(self, request: web.Request) -> web.Response:
        """No policy of the console's token covers it."""
        if self._sealed:
            return _errors(503, "Vault is sealed")
        if request.headers.get("X-Vault-Token") != self._token:
            return _errors(403, "permission denied")
        return _errors(403, "1 error occurred:\n\t* permission denied\n\n")


def _metadata(held: Held, marks: Mapping[str, str]) -> dict[str, Any]:
    first = held.version - len(held.written) + 1
    versions = {
        str(first + place): {"created_time": _instant(at), "deletion_time": "", "destroyed": False}
        for place, at in enumerate(held.written)
    }
    return {
        "cas_required": False,
        "created_time": _instant(held.written[0]),
        "current_version": held.version,
        "custom_metadata": dict(marks),
        "delete_version_after": "0s",
        "max_versions": len(held.written),
        "oldest_version": first,
        "updated_time": _instant(held.written[-1]),
        "versions": versions,
    }


def _instant(t: float) -> str:
    """Go's RFC 3339 with nanoseconds."""
    return f"{datetime.fromtimestamp(int(t), UTC):%Y-%m-%dT%H:%M:%S}.{int(t % 1 * 1e9):09d}Z"


def _answer(body: Any, status: int = 200) -> web.Response:
    text = json.dumps(body, separators=(",", ":")) + "\n"
    return web.Response(text=text, status=status, content_type="application/json")


def _errors(status: int, *sentences: str) -> web.Response:
    return _answer({"errors": list(sentences)}, status)


def _settings(region: str, ports: Mapping[str, int], files: str) -> dict[str, Any]:
    vault = {"url": f"http://127.0.0.1:{ports[f'{region}/vault']}", "token_file": f"{files}{region}-vault.token"}
    return {"vault": vault, "vault_store": f"vault-{region}"}


VAULT = Service(application=application, settings=_settings, secrets=("vault.token",))
