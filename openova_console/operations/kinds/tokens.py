"""Machine tokens: made by whoever they count as, for as long as they say, and taken back at once.

The secret is made where the request is made and shown once; the request holds only its SHA-256. A token that may ask for
operations needs another person's yes, one that only reads does not; taking one back never does.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from sqlmodel import col, select

from openova_console.access import users
from openova_console.access.caller import Caller
from openova_console.access.roles import Role, allows
from openova_console.handbook.canonical import canonical
from openova_console.operations import policies
from openova_console.operations.evidence import Evidence, Item, fresh
from openova_console.operations.kinds.accounts import AccountName
from openova_console.operations.kinds.names import id_of
from openova_console.operations.operation import Books, Operation, Policy, Request, Target
from openova_console.operations.plan import Data, Plan, Step
from openova_console.store.change_tables import MachineToken

ACTION = "console.token"
ASKS = "request:"
SOURCE = "the console's own books"
Verb = Literal["create", "revoke"]


def _scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(scopes)) != len(scopes):
        raise ValueError("names a scope twice")
    return tuple(sorted(scopes))


class CreateToken(Data):
    """A new token.

    Attributes:
        owner: the account that asks; the token counts as it.
        scopes: what it may do, never more than its owner.
        days: until it ends.
        token_sha256: of the secret, in hexadecimal digits.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    owner: AccountName
    scopes: Annotated[
        tuple[Annotated[str, Field(max_length=60)], ...], Field(min_length=1, max_length=40), AfterValidator(_scopes)
    ]
    days: Annotated[int, Field(ge=1, le=366)]
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RevokeToken(Data):
    """Which token, and whose it is."""

    token_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    owner: AccountName


def token_document(row: MachineToken | None) -> dict[str, Any]:
    """A token as plans rely on it; empty when there is none."""
    if row is None:
        return {}
    return {"id": row.id, "name": row.name, "owner_id": row.owner_id, "revoked": row.revoked_at is not None}


def scopes_text(scopes: tuple[str, ...]) -> str:
    """Scopes as they are stored."""
    return canonical(list(scopes))


def asks_for_operations(scopes: tuple[str, ...]) -> bool:
    """Whether a token with these scopes may ask for operations."""
    return any(scope.startswith(ASKS) for scope in scopes)


def _against_asking(verb: Verb, caller: Caller, params: Any) -> str:
    if caller.kind != "person":
        return "Only a person makes tokens and takes them back."
    own = users.key_of(caller.name) == users.key_of(params.owner)
    if verb == "create" and not own:
        return "A token counts as whoever makes it: make your own."
    if verb == "revoke" and not own and not allows(caller.role, Role.ADMIN):
        return "Taking back another's token needs the role admin."
    return ""


def _against_scopes(books: Books, role: str, scopes: tuple[str, ...]) -> str:
    """Which scope there is not, or goes beyond what the owner may do."""
    from openova_console.operations.catalogue import CATALOGUE  # the catalogue holds this kind

    for scope in scopes:
        if scope in OTHER_SCOPES or scope == f"{ASKS}*":
            continue
        kind = CATALOGUE.get(scope.removeprefix(ASKS)) if scope.startswith(ASKS) else None
        if kind is None:
            return f"There is no scope {scope[:40]!r}"
        need = policies.current(books.session, books.settings, kind).request
        if not allows(role, need):
            return f"The scope {scope} needs the role {need.value}, and its owner is {role}"
    return ""


def _against_create(books: Books, params: CreateToken) -> str:
    owner = users.find(session=books.session, name=params.owner)
    if owner is None or owner.disabled:
        return f"There is no open account named {params.owner}"
    same = select(MachineToken).where(
        MachineToken.name == params.name, col(MachineToken.revoked_at).is_(None), col(MachineToken.expires_at) > books.now
    )
    if books.session.exec(same).first() is not None:
        return f"There is a token named {params.name} already"
    if books.session.exec(select(MachineToken).where(MachineToken.token_sha256 == params.token_sha256)).first() is not None:
        return "This secret was used for a token before"
    return _against_scopes(books, owner.role, params.scopes)


def _create_books(books: Books, params: CreateToken) -> Mapping[str, Item]:
    against = _against_create(books, params)
    return {"token": fresh({"against": against, "row": {}}, at=books.now, source=SOURCE)}


def _revoke_books(books: Books, params: RevokeToken) -> Mapping[str, Item]:
    row = books.session.get(MachineToken, params.token_id)
    owner = users.find(session=books.session, name=params.owner)
    against = ""
    if row is None or owner is None or row.owner_id != owner.id:
        against = f"{params.owner} has no such token"
    elif row.revoked_at is not None:
        against = f"The token “{row.name}” was taken back already"
    value = {"against": against, "row": token_document(row)}
    return {"token": fresh(value, f"The token “{row.name if row else ''}” counts", at=books.now, source=SOURCE)}


def _create_plan(request: Request, evidence: Evidence) -> Plan:
    params: CreateToken = request.params
    what = f"{', '.join(params.scopes)}; counts as {params.owner}; ends after {params.days} days"
    step = Step(
        title=f"Make the token “{params.name}”: {what}",
        action=ACTION,
        system="The console's tokens",
        method="INSERT",
        body={"name": params.name, "owner": params.owner, "scopes": list(params.scopes), "days": params.days},
        relies_on={"/id": None},
        observe={"/name": params.name, "/revoked": False},
        arguments={"operation": request.operation_id, "verb": "create", "token": id_of("token", request.operation_id)},
        undo="Take it back.",
        timeout_s=30,
    )
    return Plan(steps=(step,), timeout_s=300)


def _revoke_plan(request: Request, evidence: Evidence) -> Plan:
    params: RevokeToken = request.params
    item = evidence.get("token")
    row = item.value["row"] if item.known else {}
    step = Step(
        title=f"Take back the token “{row.get('name', params.token_id)}” of {params.owner}",
        action=ACTION,
        system="The console's tokens",
        method="UPDATE",
        body={"id": params.token_id, "revoked": True},
        relies_on={"/id": row.get("id"), "/revoked": row.get("revoked")},
        observe={"/revoked": True},
        arguments={"operation": request.operation_id, "verb": "revoke", "token": params.token_id},
        timeout_s=30,
    )
    return Plan(steps=(step,), timeout_s=300)


OTHER_SCOPES = ("read",)
"""Scopes beside those that ask for operations."""

CREATE = Operation(
    kind="create-token",
    title="Make a token",
    sentence="A machine may do in its owner's name what the token's scopes say, and never decides.",
    params=CreateToken,
    target=lambda params: Target("Create", "", f"tokens/{params.name}", f"Make the token “{params.name}” of {params.owner}"),
    plan=_create_plan,
    guards=("token-fits",),
    policy=Policy(request=Role.VIEWER, valid_s=86400),
    on_platform=False,
    books=_create_books,
    asks=lambda caller, params: _against_asking("create", caller, params),
    needed=lambda policy, params, _evidence: policy.approvals if asks_for_operations(params.scopes) else 0,
)
REVOKE = Operation(
    kind="revoke-token",
    title="Take back a token",
    sentence="Whoever holds it is refused from now on.",
    params=RevokeToken,
    target=lambda params: Target("Revoke", "", f"tokens/{params.token_id}", f"Take back a token of {params.owner}"),
    plan=_revoke_plan,
    guards=("token-fits",),
    policy=Policy(request=Role.VIEWER, approvals=0),
    on_platform=False,
    books=_revoke_books,
    asks=lambda caller, params: _against_asking("revoke", caller, params),
)
KINDS = (CREATE, REVOKE)
