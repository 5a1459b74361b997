"""`status`: what a running console says of itself."""

from typing import Annotated

import httpx
import typer

from openova_console.cli.output import fail

Url = Annotated[str, typer.Option("--url", "-u", envvar="OPENOVA_URL", help="Address of the running console.")]


def status(url: Url = "http://127.0.0.1:8000") -> None:
    """Say whether a running console is ready, and what is not. Exits with 1 when it is not."""
    address = url.rstrip("/") + "/readyz"
    try:
        answer = httpx.get(address, timeout=10, trust_env=False, follow_redirects=False)
        body = answer.json()
        missing = [(str(one["what"]), str(one["why"])) for one in body["not_ready"]]
        ready = body["ready"] is True
    except httpx.InvalidURL:
        fail(f"{url} is no address: give one like http://127.0.0.1:8000.")
    except httpx.HTTPError as error:
        fail(f"{address} does not answer ({error}): is the console running there?")
    except (ValueError, KeyError, TypeError):
        fail(f"{address} answered with status {answer.status_code}, but not as a console does: is it one?")
    for what, why in missing:
        typer.echo(f"{what}: {why}")
    if not ready:
        fail(f"The console at {url} is not ready.")
    typer.echo(f"The console at {url} is ready.")
