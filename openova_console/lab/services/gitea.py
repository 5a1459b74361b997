"""Gitea's API v1 as Gitea 1.26 answers it: a repository, a branch, commits, push mirrors. Only what the console asks."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from openova_console.lab.gitea import INTERVAL_S, REPOSITORIES, Commit
from openova_console.lab.names import peer
from openova_console.lab.site import Service, Site

_HOST: Final = "openova.example"
_NEVER: Final = "0001-01-01T00:00:00Z"


def application(site: Site) -> web.Application:
    """The routes of one region's Gitea."""
    api = _Api(site)
    base = "/api/v1/repos/{owner}/{repo}"
    app = web.Application()
    app.router.add_get("/api/v1/version", api.version)
    app.router.add_get(base, api.repository)
    app.router.add_get(base + "/branches/{branch:.+}", api.branch)
    app.router.add_get(base + "/push_mirrors", api.push_mirrors)
    app.router.add_get(base + "/git/commits/{sha}", api.commit)
    app.router.add_get(base + "/commits", api.commits)
    return app


class _Api:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._token = site.secret(f"{site.region}-gitea.token")
        self._home = f"https://gitea.{site.region}.{_HOST}"

    async def version(self, request: web.Request) -> web.Response:
        return _answer({"version": "1.26.0"})

    async def repository(self, request: web.Request) -> web.Response:
        name = self._known(request)
        owner, _, short = name.partition("/")
        newest = _stamp(self._history(name)[0].at)
        return _answer(
            {
                "id": 1 + list(REPOSITORIES).index(name),
                "owner": {"id": 2, "login": owner, "full_name": "", "html_url": f"{self._home}/{owner}", "username": owner},
                "name": short,
                "full_name": name,
                "description": "",
                "empty": False,
                "private": False,
                "fork": False,
                "template": False,
                "mirror": False,
                "size": 25,
                "html_url": f"{self._home}/{name}",
                "url": f"{self._home}/api/v1/repos/{name}",
                "clone_url": f"{self._home}/{name}.git",
                "original_url": "",
                "default_branch": "main",
                "archived": False,
                "created_at": newest,
                "updated_at": newest,
                "permissions": {"admin": True, "push": True, "pull": True},
                "mirror_interval": "",
                "object_format_name": "sha1",
                "mirror_updated": _NEVER,
            }
        )

    async def branch(self, request: web.Request) -> web.Response:
        name = self._known(request)
        if request.match_info["branch"] != "main":
            raise self._not_found()
        head = self._history(name)[0]
        person = {"name": "platform-bot", "email": f"bot@{_HOST}", "username": "platform-bot"}
        return _answer(
            {
                "name": "main",
                "commit": {
                    "id": head.sha,
                    "message": f"{head.message}\n",
                    "url": f"{self._home}/{name}/commit/{head.sha}",
                    "author": person,
                    "committer": person,
                    "verification": _unsigned(),
                    "timestamp": _stamp(head.at),
                    "added": None,
                    "removed": None,
                    "modified": None,
                },
                "protected": False,
                "required_approvals": 0,
                "enable_status_check": False,
                "status_check_contexts": [],
                "user_can_push": True,
                "user_can_merge": True,
                "effective_branch_protection_name": "",
            }
        )

    async def push_mirrors(self, request: web.Request) -> web.Response:
        name = self._known(request)
        if self._site.trouble("gitea_not_admin"):
            raise self._refused(403, "user should be an owner or a collaborator with admin write of a repository")
        state = self._site.world.giteas.push(self._site.epoch, self._site.region, name, self._site.clock.unix())
        row = {
            "repo_name": name.partition("/")[2],
            "remote_name": "remote_mirror_pbJ4XcrBeh",
            "remote_address": f"https://gitea.{peer(self._site.region)}.{_HOST}/{name}.git",
            "created": "2026-01-12T09:30:00Z",
            "last_update": _stamp(state.ran_at),
            "last_error": state.error,
            "interval": f"{int(INTERVAL_S // 60)}m0s",
            "sync_on_commit": True,
        }
        return _answer([row], {"X-Total-Count": "1"})

    async def commit(self, request: web.Request) -> web.Response:
        name, sha = self._known(request), request.match_info["sha"]
        found = next((one for one in self._history(name) if one.sha == sha), None)
        if found is None:
            raise self._refused(404, f"commit doesn't exist: {sha}", errors=None)
        return _answer(self._commit(name, found))

    async def commits(self, request: web.Request) -> web.Response:
        name, history = self._known(request), self._history(self._known(request))
        places = {one.sha: place for place, one in enumerate(history)}
        start, without = request.query.get("sha", history[0].sha), request.query.get("not", "")
        if start not in places:
            raise self._not_found()
        if without and without not in places:
            raise self._refused(500, f"exit status 128 - fatal: bad object {without}")
        found = history[places[start] : places[without]] if without else history[places[start] :]
        limit, page = (int(request.query.get(key, default)) for key, default in (("limit", "50"), ("page", "1")))
        part = found[(page - 1) * limit : page * limit]
        return _answer([self._commit(name, one) for one in part], {"X-Total-Count": str(len(found))})

    def _history(self, name: str) -> tuple[Commit, ...]:
        return self._site.world.giteas.history(self._site.epoch, self._site.region, name, self._site.clock.unix())

    def _commit(self, name: str, one: Commit) -> dict[str, Any]:
        url = f"{self._home}/api/v1/repos/{name}/git"
        person = {"name": "platform-bot", "email": f"bot@{_HOST}", "date": _stamp(one.at)}
        return {
            "url": f"{url}/commits/{one.sha}",
            "sha": one.sha,
            "created": _stamp(one.at),
            "html_url": f"{self._home}/{name}/commit/{one.sha}",
            "commit": {
                "url": f"{url}/commits/{one.sha}",
                "author": person,
                "committer": person,
                "message": f"{one.message}\n",
                "tree": {"url": f"{url}/trees/{one.sha}", "sha": one.sha, "created": _stamp(one.at)},
                "verification": None,
            },
            "author": None,
            "committer": None,
            "parents": [{"url": f"{url}/commits/{one.parent}", "sha": one.parent, "created": _NEVER}],
            "files": None,
            "stats": None,
        }

    def _known(self, request: web.Request) -> str:
        """The repository that is asked for. Raises the refusals of a wrong token and of an unknown repository."""
        given = request.headers.get("Authorization", "").partition(" ")[2]
        if given and given != self._token:
            raise self._refused(401, "invalid username, password or token")
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        # Private repositories: without a token they are not there.
        if not given or name not in REPOSITORIES:
            raise self._not_found()
        return name

    def _not_found(self) -> web.HTTPException:
        return self._refused(404, "not found", errors=None)

    def _refused(self, status: int, message: str, **more: Any) -> web.HTTPException:
        body = json.dumps({**more, "message": message, "url": f"{self._home}/api/swagger"})
        kind = {401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 404: web.HTTPNotFound, 500: web.HTTPInternalServerError}
        return kind[status](text=body + "\n", content_type="application/json")


def _unsigned() -> dict[str, Any]:
    return {"verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": None, "payload": ""}


def _stamp(t: float) -> str:
    return f"{datetime.fromtimestamp(int(t), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _answer(body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    text = json.dumps(body, separators=(",", ":")) + "\n"
    return web.Response(text=text, content_type="application/json", charset="utf-8", headers=headers)


def _settings(region: str, ports: Mapping[str, int], files: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{ports[f'{region}/gitea']}"
    return {"gitea": {"url": url, "token_file": f"{files}{region}-gitea.token"}}


GITEA = Service(application=application, settings=_settings, secrets=("gitea.token",))
