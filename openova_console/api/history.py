"""History as CSV, for a spreadsheet or a post-mortem: one row per step of the chart, gaps as empty cells."""

import csv
import io

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from openova_console.handbook.replication import Service
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.history import RANGES, series
from openova_console.watch.watch import Watch

WHATS = ("lag_s", "at_risk_bytes")


def routes(watch: Watch) -> list[Route]:
    """`GET /api/v1/history.csv?service=cnpg&range=24h[&what=lag_s|at_risk_bytes]`; the gate has let in a person."""

    async def download(request: Request) -> Response:
        asked = request.query_params
        service, range_, what = asked.get("service", ""), asked.get("range", "24h"), asked.get("what", "lag_s")
        for name, value, right in (
            ("service", service, tuple(Service)),
            ("range", range_, tuple(RANGES)),
            ("what", what, WHATS),
        ):
            if value not in right:
                return JSONResponse({"error": f"{name} must be one of {', '.join(right)}"}, status_code=400)
        chart = await watch.history.chart(series(Service(service), what), range_, utc_now())
        sheet = io.StringIO()
        rows = csv.writer(sheet)
        rows.writerow(["step_begins_utc", f"mean_{what}", f"lowest_{what}", f"highest_{what}", "verdict", "samples", "unknown"])
        for p in chart.points:
            rows.writerow([p.at.isoformat(), _cell(p.mean), _cell(p.minimum), _cell(p.maximum), p.verdict, p.count, p.unknown])
        name = f"{service}-{what}-{range_}.csv"
        return PlainTextResponse(
            sheet.getvalue(), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    return [Route("/api/v1/history.csv", download, methods=["GET"])]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
