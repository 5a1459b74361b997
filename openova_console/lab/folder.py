"""The run folder: tokens, passwords, the authority's certificate, and the settings file for the console.

Secrets are made anew at every start and readable by their owner only.
"""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from openova_console.lab import opencost
from openova_console.lab.gitea import REPOSITORIES
from openova_console.lab.k8gb import ZONE
from openova_console.lab.names import CHAT, CONTROL_NAME, PROVIDERS, REGIONS, TLS_NAMES, WITNESSES, probe_zone
from openova_console.lab.ports import CONTROL
from openova_console.lab.services import SERVED
from openova_console.lab.services.minio import marker

HOST: Final = "127.0.0.1"
VALKEY_USER: Final = "console"
SECRET_FILES: Final = (
    "control.token",
    "notify.key",
    *(f"{region}-{what}" for region in REGIONS for what in ("kubernetes.token", "kubernetes-actor.token", "viewer.token")),
    *(f"{region}-{what}" for region in REGIONS for what in ("prometheus.token", "valkey.password")),
    *(f"{region}-{what}" for region in REGIONS for service in SERVED.values() for what in service.secrets),
)
_PACE: Final = {
    "streams_s": 2,
    "minio_s": 3,
    "harbor_s": 4,
    "vault_s": 3,
    "gitea_s": 3,
    "gslb_s": 3,
    "slo_s": 5,
    "delivery_s": 3,
    "cost_s": 10,
    "alerts_s": 2,
}
_FRESH: Final = {name: 20 for name in _PACE if name != "cost_s"} | {"cost_s": 7200}
_PLACES = {"region-1": "lab · eu-central", "region-2": "lab · eu-west"}


class FolderError(Exception):
    """The run folder cannot be used."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def prepare(cls, path: Path) -> "RunFolder":
        """Make the folder, readable by its owner only, and fresh secrets in it. Raises `FolderError`."""
        folder = cls(path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in SECRET_FILES:
                folder._write(name, _secret(name) + "\n", private=True)
        except OSError as error:
            raise FolderError(f"the folder {path} cannot be written ({error.strerror}); choose another with --dir") from None
        return folder

    def secret(self, name: str) -> str:
        """One of `SECRET_FILES`, without its line end."""
        return (self.path / name).read_text(encoding="utf-8").strip()

    def write_authority(self, pem: bytes) -> None:
        """The certificate that clients must trust."""
        self._write("ca.pem", pem.decode())

    def write_settings(self, ports: dict[str, int], looks_from: str) -> Path:
        """Write `control.json` and `console.yaml`; returns the latter's path."""
        control = {"url": f"http://{HOST}:{ports[CONTROL]}", "token_file": "control.token"}
        self._write("control.json", json.dumps(control, indent=2) + "\n")
        self._write("console.yaml", as_yaml(console_settings(ports, looks_from)))
        return self.path / "console.yaml"

    def _write(self, name: str, text: str, *, private: bool = False) -> None:
        """Replace a file at once, so that a reader never sees half of it."""
        new = self.path / f".{name}.new"
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(self.path / name)


def _secret(name: str) -> str:
    if name.endswith(".key"):
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(24)


def console_settings(ports: dict[str, int], looks_from: str, *, files: str = "") -> dict[str, Any]:
    """The console's settings for a lab on these ports.

    Args:
        files: prefix of file names, when the settings file does not lie in the run folder.
    """
    return {
        "environment": {"name": "Lab", "kind": "lab"},
        "console": {"looks_from": looks_from, "data_dir": f"{files}data"},
        "regions": [_region(region, ports, files) for region in REGIONS],
        "witnesses": {
            "resolvers": [
                {"name": PROVIDERS[w], "address": HOST, "port": ports[f"{w}/tls"], "tls_name": TLS_NAMES[w]} for w in WITNESSES
            ],
            "transport": "dot",
            "ca_file": f"{files}ca.pem",
            "timeout_s": 1,
            "control_name": CONTROL_NAME,
        },
        "link": {"window_s": 30},
        "replication": {
            "minio": marker(files),
            "gitea": {"repositories": [{"name": name} for name in REPOSITORIES]},
        },
        "gslb": {"zone": ZONE, "timeout_s": 1},
        "cost": {
            "currency": opencost.CURRENCY,
            "monthly_budget": opencost.BUDGET,
            "monthly_budget_by_region": dict.fromkeys(REGIONS, opencost.REGION_BUDGET),
            "node_price": opencost.NODE_PRICE,
            "load_balancer": opencost.LOAD_BALANCER,
        },
        "cadence": {
            "kubernetes_probe_s": 2,
            "replication_s": 2,
            "valkey_s": 2,
            "witnesses_s": 4,
            "link_s": 2,
            **_PACE,
            "timeout_s": 5,
        },
        # Samples are taken every 5 s, so that one of them may be 7 s old when it is read.
        "freshness": {"kubernetes_s": 8, "replication_s": 15, "valkey_s": 8, "witnesses_s": 16, "link_s": 15, **_FRESH},
        # The accounts of a practice run are as old as the run: they may approve at once.
        "operations": {"fresh_account_hours": 0},
        "notify": {
            "targets": [
                {
                    "name": "operators",
                    "kind": "webhook",
                    "url": f"http://{HOST}:{ports[CHAT]}/hooks/operators",
                    "secret_file": f"{files}notify.key",
                    "allow_private": True,
                }
            ],
            # Short, so that a receiver that was broken on purpose is told soon after it was mended.
            "first_pause_s": 2,
            "longest_pause_s": 30,
        },
        "network": {"connect_timeout_s": 2, "read_timeout_s": 3, "max_body_mib": 8},
    }


def _region(region: str, ports: dict[str, int], files: str) -> dict[str, Any]:
    number = REGIONS.index(region) + 1
    return {
        "id": region,
        "display": f"Region {number}",
        "role": "primary" if number == 1 else "dr",
        "place": _PLACES[region],
        "geo_tag": region,
        "kubernetes": _kubernetes(region, ports, files, "kubernetes.token"),
        "actor": _kubernetes(region, ports, files, "kubernetes-actor.token"),
        "prometheus": {
            "url": f"https://{HOST}:{ports[f'{region}/prometheus']}",
            "ca_file": f"{files}ca.pem",
            "token_file": f"{files}{region}-prometheus.token",
        },
        "valkey": {
            "host": HOST,
            "port": ports[f"{region}/valkey"],
            "username": VALKEY_USER,
            "password_file": f"{files}{region}-valkey.password",
        },
        "postgres_cluster": {"namespace": "databases", "name": "postgres"},
        "dns": {"address": HOST, "port": ports[f"{region}/dns"]},
        "probe_zone": probe_zone(region),
        "lease": {"namespace": "failover-controller", "name": "openova-active"},
        **{key: value for s in SERVED.values() for key, value in s.settings(region, ports, files).items()},
    }


def _kubernetes(region: str, ports: dict[str, int], files: str, token: str) -> dict[str, Any]:
    return {
        "server": f"https://{HOST}:{ports[f'{region}/kubernetes']}",
        "ca_file": f"{files}ca.pem",
        "token_file": f"{files}{region}-{token}",
    }


HEADER = """\
# The console's settings for the lab: `python -m openova_console.lab serve` writes this file into its run folder.
# Relative paths are taken from this file's own folder.
"""


def as_yaml(settings: dict[str, Any]) -> str:
    """The settings as the file that a person reads."""
    return HEADER + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=120)
