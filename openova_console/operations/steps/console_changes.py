"""What the console's own steps read and write, by the `action` that plans name. Each write is one part of one transaction."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from openova_console.access import users
from openova_console.handbook.canonical import canonical
from openova_console.operations import ledger, policies, restored, standing
from openova_console.operations.kinds import accounts, policy, restored_database, standing_approvals, tokens
from openova_console.operations.plan import Step
from openova_console.operations.steps.console import CannotWrite, Change, Writing
from openova_console.store import audit
from openova_console.store.change_tables import MachineToken, PolicyRow, StandingApprovalRow
from openova_console.store.tables import User


def _read_account(opened: Session, step: Step) -> Mapping[str, Any]:
    return accounts.account_document(users.find(session=opened, name=step.arguments["name"]))


def _write_account(writing: Writing) -> str:
    opened, now, params, verb = writing.session, writing.now, writing.params, writing.step.arguments["verb"]
    if verb == "add":
        user = users.add_with_word(session=opened, name=params.name, word_hash=params.word_hash, role=params.role, now=now)
        return f"{user.name} is made as {user.role}"
    if verb == "seal":
        user = users.seal(session=opened, name=params.name, word_hash=params.word_hash, now=now)
        return f"{user.name} is sealed with a new word; its sessions have ended"
    user = users.by_name_or_raise(session=opened, name=params.name)
    match verb:
        case "role":
            users.set_role(session=opened, user=user, role=params.role, now=now)
            return f"{user.name} is {user.role}; its sessions have ended"
        case "reset":
            users.reset_with_word(session=opened, user=user, word_hash=params.word_hash, now=now)
            return f"{user.name} has a one-time word; its sessions have ended"
        case "disable":
            users.disable(session=opened, user=user, now=now)
            count = _revoke_tokens(writing, user)
            return f"{user.name} is closed; its sessions have ended, and {count} of its tokens"
        case "enable":
            users.enable(session=opened, user=user, now=now)
            return f"{user.name} is open again"
    raise CannotWrite(f"This version of the console does not know what {verb!r} does to an account.")


def _revoke_tokens(writing: Writing, user: User) -> int:
    own = update(MachineToken).where(col(MachineToken.owner_id) == user.id, col(MachineToken.revoked_at).is_(None))
    change = own.values(revoked_at=writing.now, revoked_by=writing.operation.actor)
    return int(writing.session.connection().execute(change).rowcount)


def _read_token(opened: Session, step: Step) -> Mapping[str, Any]:
    return tokens.token_document(opened.get(MachineToken, step.arguments["token"]))


def _write_token(writing: Writing) -> str:
    opened, now, params, id_ = writing.session, writing.now, writing.params, writing.step.arguments["token"]
    if writing.step.arguments["verb"] == "revoke":
        row = opened.get(MachineToken, id_)
        if row is None or row.revoked_at is not None:
            raise CannotWrite("There is no such token that still counts.")
        row.revoked_at, row.revoked_by = now, writing.operation.actor
        opened.add(row)
        return f"The token “{row.name}” no longer counts"
    owner = users.by_name_or_raise(session=opened, name=params.owner)
    if owner.disabled or owner.id is None:
        raise CannotWrite(f"The account {owner.name} is closed.")
    made = MachineToken(
        id=id_,
        name=params.name,
        token_sha256=params.token_sha256,
        owner_id=owner.id,
        scopes=tokens.scopes_text(params.scopes),
        created_at=now,
        created_by=writing.operation.actor,
        expires_at=now + timedelta(days=params.days),
    )
    opened.add(made)
    return f"The token “{made.name}” counts until {made.expires_at:%Y-%m-%d}"


def _read_policy(opened: Session, step: Step) -> Mapping[str, Any]:
    return policy.policy_row(opened, step.arguments["kind"])


def _write_policy(writing: Writing) -> str:
    opened, params = writing.session, writing.params
    version = policies.version(opened) + 1
    document = {**policies.approved(opened), params.kind: params.policy.model_dump(mode="json", exclude_none=True)}
    row = PolicyRow(version=version, document=canonical(document), operation_id=writing.operation.id, at=writing.now)
    opened.add(row)
    return f"Version {version} of the policy counts; what waits for approval under the former one of {params.kind} is void"


def _read_standing(opened: Session, step: Step) -> Mapping[str, Any]:
    return standing_approvals.standing_document(opened.get(StandingApprovalRow, step.arguments["standing"]))


def _write_standing(writing: Writing) -> str:
    opened, now, params = writing.session, writing.now, writing.params
    if writing.step.arguments["verb"] == "revoke":
        found = opened.get(StandingApprovalRow, writing.step.arguments["standing"])
        if found is None or found.revoked_at is not None:
            raise CannotWrite("There is no such standing approval that still holds.")
        found.revoked_at, found.revoked_by = now, writing.operation.actor
        opened.add(found)
        return f"The standing approval {found.name} no longer holds"
    yes = [a.name for a in ledger.approvals_of(opened, writing.operation.id) if a.decision == "approve" and not a.revoked_at]
    row = StandingApprovalRow(
        id=writing.step.arguments["standing"],
        name=params.name,
        kind=params.kind,
        source=params.source,
        template=canonical(params.template),
        limits=canonical(params.limits.model_dump(mode="json")),
        signature="",
        operation_id=writing.operation.id,
        granted_by=f"{writing.operation.actor}, approved by {', '.join(yes)}"[:200],
        granted_at=now,
        expires_at=now + timedelta(days=params.days),
    )
    row.signature = standing.sign(writing.key, row)
    opened.add(row)
    return f"The standing approval {row.name} holds until {row.expires_at:%Y-%m-%d %H:%M} UTC"


def _read_restored(opened: Session, _step: Step) -> Mapping[str, Any]:
    return restored_database.lost_document(opened)


def _write_restored(writing: Writing) -> str:
    lost = restored.newest(writing.session)
    if lost is None:
        raise CannotWrite("The database was not restored: there is nothing to accept.")
    audit.append(
        session=writing.session,
        event=restored.ACCEPTED,
        actor=writing.operation.actor,
        body={**lost.document(), "signature": lost.signature(writing.key)},
        operation_id=writing.operation.id,
        now=writing.now,
    )
    return f"What was done after audit event {lost.after} and until {lost.until} is accepted as lost"


CHANGES: Mapping[str, Change] = {
    accounts.ACTION: Change(_read_account, _write_account),
    tokens.ACTION: Change(_read_token, _write_token),
    policy.ACTION: Change(_read_policy, _write_policy),
    standing_approvals.ACTION: Change(_read_standing, _write_standing),
    restored_database.ACTION: Change(_read_restored, _write_restored),
}
"""By action."""
