"""Vault: the secrets of both vaults, and the PushSecrets that write them."""

from collections.abc import Sequence

from openova_console.handbook.push_secrets import PushSecret
from openova_console.handbook.vault import VaultSide, judge_vault
from openova_console.handbook.words import Reading
from openova_console.settings import Region
from openova_console.watch.board.paths.look import Found, Look
from openova_console.watch.kube.push_secrets import NAME


def assess(look: Look) -> Found:
    """Judge what both vaults say of every secret that is pushed."""
    primary, standby = look.primary, look.standby
    if not (primary.vault and standby.vault):
        return Found.not_configured("regions[].vault")
    budget = look.settings.freshness.vault_s
    assessment = judge_vault(
        look.goal,
        _side(look, primary),
        _side(look, standby),
        now=look.now,
        budget_s=budget,
        push_budget_s=look.settings.freshness.kubernetes_s,
    )
    traces = tuple(f"{what}/{r.id}" for what in ("vault", "vault-secrets", "pushsecrets") for r in (primary, standby))
    return Found(assessment, True, traces, budget)


def _side(look: Look, region: Region) -> VaultSide:
    never: Reading[Sequence[PushSecret]] = Reading.missing("", f"{region.display}'s PushSecrets", "nothing was read yet")
    pushes = look.snapshot.kube.get((region.id, NAME), never)
    return VaultSide(region.display, look.snapshot.vault.get(region.id), pushes, region.vault_store)
