"""The HTTP services of a region that are not Kubernetes or Prometheus: one file each, by the name of their endpoint."""

from typing import Final

from openova_console.lab.services.alertmanager import ALERTMANAGER
from openova_console.lab.services.connect import CONNECT
from openova_console.lab.services.gitea import GITEA
from openova_console.lab.services.harbor import HARBOR
from openova_console.lab.services.minio import MINIO
from openova_console.lab.services.opencost import OPENCOST
from openova_console.lab.services.vault import VAULT
from openova_console.lab.site import Service

SERVED: Final[dict[str, Service]] = {
    "alertmanager": ALERTMANAGER,
    "connect": CONNECT,
    "opencost": OPENCOST,
    "vault": VAULT,
    "gitea": GITEA,
    "minio": MINIO,
    "harbor": HARBOR,
}
