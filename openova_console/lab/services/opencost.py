"""OpenCost: `GET /allocation` and `/healthz`. Without `window` it answers 400 in plain text, as the real one does; a question
that it cannot compute is a 500 inside a 200."""

from aiohttp import web

from openova_console.lab import opencost
from openova_console.lab.site import Service, Site


def _application(site: Site) -> web.Application:
    async def allocation(request: web.Request) -> web.Response:
        asked = opencost.window(request.query.get("window", ""), site.clock.now(), stale=site.trouble("opencost_stale"))
        if asked is None:
            given = request.query.get("window", "")
            return web.Response(status=400, text=f"Invalid 'window' parameter: illegal window: {given}\n")
        if request.query.get("aggregate") != "cluster":
            return web.Response(status=400, text="Invalid 'aggregate' parameter: the lab knows cluster\n")
        if site.trouble("opencost_errors"):
            message = "error querying Prometheus: context deadline exceeded"
            return web.json_response({"code": 500, "status": "error", "data": None, "message": message})
        idle = request.query.get("includeIdle") == "true"
        rows = opencost.rows(site.region, site.stores[site.region], asked, idle=idle)
        return web.json_response({"code": 200, "status": "success", "data": [rows]})

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="")

    app = web.Application()
    app.router.add_get("/allocation", allocation)
    app.router.add_get("/healthz", healthz)
    return app


OPENCOST = Service(
    application=_application,
    settings=lambda region, ports, files: {"opencost": {"url": f"http://127.0.0.1:{ports[f'{region}/opencost']}"}},
)
