"""One region's `/metrics`, so that a real Prometheus can scrape the lab.

`/metrics` has everything with the labels `job` and `instance` in it: scrape it with `honor_labels: true`.
`/metrics/JOB` has one job's series as its own exporter would give them, without these two.
"""

from aiohttp import web

from openova_console.lab.clock import Clock
from openova_console.lab.prometheus import number
from openova_console.lab.series import Series, catalogue
from openova_console.lab.world import World

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def application(world: World, region: str, clock: Clock) -> web.Application:
    """The exporters' routes."""
    series = catalogue(world, region)
    jobs = sorted({dict(s.labels)["job"] for s in series})

    async def everything(request: web.Request) -> web.Response:
        return _answer(render(series, world, clock.unix()))

    async def one_job(request: web.Request) -> web.Response:
        job = request.match_info["job"]
        if job not in jobs:
            raise web.HTTPNotFound(text=f"no exporter of job {job!r} here; there are: {', '.join(jobs)}\n")
        mine = tuple(s for s in series if dict(s.labels)["job"] == job)
        return _answer(render(mine, world, clock.unix(), without=("job", "instance")))

    app = web.Application()
    app.router.add_get("/metrics", everything)
    app.router.add_get("/metrics/{job:.+}", one_job)
    return app


def render(series: tuple[Series, ...], world: World, t: float, *, without: tuple[str, ...] = ()) -> str:
    """The series' values at unix time `t` in the Prometheus text format, less the labels named in `without`."""
    epoch = world.timeline.at(t)
    lines: list[str] = []
    described: set[str] = set()
    for one in sorted(series, key=lambda s: (s.name, s.bound, s.labels)):
        value = one.value(epoch, t)
        if value is None:
            continue
        if one.family not in described:
            described.add(one.family)
            lines += [f"# HELP {one.family} {one.help}", f"# TYPE {one.family} {one.kind}"]
        labels = ",".join(f'{k}="{_escape(v)}"' for k, v in one.labels if k not in without)
        lines.append(f"{one.name}{{{labels}}} {number(value)}" if labels else f"{one.name} {number(value)}")
    return "\n".join(lines) + "\n"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _answer(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})
