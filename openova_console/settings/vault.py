"""Vault: ESO PushSecrets to both regions."""

from typing import Annotated

from pydantic import Field

from openova_console.settings.base import Budget, Section

MountPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=200)]


class VaultSettings(Section):
    budget: Budget = Budget(warn_s=60, breach_s=3600)
    mount: MountPath = Field("secret", description="Path of the KV v2 engine that the PushSecrets write to")
    namespace: str = Field("", max_length=200, description="X-Vault-Namespace, where the server has namespaces")
    rotation_id_key: str = Field(
        "rotation_id",
        min_length=1,
        description="Key in custom_metadata: which rotation wrote this value; the same in both vaults",
    )
    fingerprint_key: str = Field(
        "fingerprint",
        min_length=1,
        description="Key in custom_metadata: keyed fingerprint (HMAC) of the value, never a plain hash",
    )
    max_secrets: int = Field(200, ge=1, le=2000, description="How many secrets are compared; with more the row is unknown")
