"""Every PushSecret of a region: which secrets go to which stores, and which of them arrived."""

from openova_console.handbook.push_secrets import PushSecret
from openova_console.systems import external_secrets, kinds
from openova_console.watch.kube.part import Objects, Part

NAME = "push_secrets"


def _read(objects: Objects, source: str) -> tuple[PushSecret, ...]:
    return external_secrets.push_secrets(objects[kinds.PUSH_SECRETS].values(), source=source)


PUSH_SECRETS = Part(NAME, (kinds.PUSH_SECRETS,), _read)
