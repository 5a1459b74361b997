"""Accounts: made, given another role, reset, closed, opened and sealed, each by one administrator's wish and another's yes.

Whoever asks for a new account or a reset is shown a one-time word once; the request holds only its hash. The account has to
change the word at its first sign-in and cannot approve for a while. A changed account's sessions end at once.

The sealed account is for whoever is alone on call (`operations/glass.py`). Its word is not changed at a sign-in; whoever asked
for it seals it in an envelope. It is made, and made to work again after its use was reviewed, by `seal-account` and no other.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from sqlmodel import col, func, select

from openova_console.access import passwords, users
from openova_console.access.roles import Role
from openova_console.operations.evidence import Evidence, Item, fresh
from openova_console.operations.facts import Fact
from openova_console.operations.operation import Books, Operation, Policy, Request, Target
from openova_console.operations.plan import Data, Plan, Step
from openova_console.store.tables import User

ACTION = "console.account"
Verb = Literal["add", "role", "reset", "disable", "enable", "seal"]


def _name(name: str) -> str:
    try:
        users.check_name(name)
    except users.UserError as error:
        raise ValueError(str(error)) from None
    return name


AccountName = Annotated[str, AfterValidator(_name)]
WordHash = Annotated[str, Field(min_length=1, max_length=passwords.HASH_LIMIT)]


class AddAccount(Data):
    """`word_hash`: from `access.passwords.one_time_word`."""

    name: AccountName
    role: Role
    word_hash: WordHash


class ChangeRole(Data):
    """The new role."""

    name: AccountName
    role: Role


class ResetPassword(Data):
    """`word_hash`: from `access.passwords.one_time_word`."""

    name: AccountName
    word_hash: WordHash


class SealAccount(Data):
    """`word_hash`: from `access.passwords.one_time_word`."""

    name: AccountName
    word_hash: WordHash


class AccountParams(Data):
    """Which account."""

    name: AccountName


def account_document(user: User | None) -> dict[str, Any]:
    """An account as plans rely on it; empty when there is none."""
    if user is None:
        return {}
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "disabled": user.disabled,
        "must_change": user.must_change,
        "break_glass": user.break_glass,
    }


def _is(user: User | None) -> str:
    if user is None:
        return "not there"
    sealed = ", sealed" if user.break_glass else ""
    return f"{user.role}, {'closed' if user.disabled else 'open'}{sealed}"


def _already(verb: Verb, user: User | None, params: Any) -> str:
    """Why the change would change nothing, or is none for this account."""
    if user is None:
        return ""
    if verb == "seal":
        return "" if user.break_glass else f"{user.name} is an ordinary account: choose another name for the sealed one"
    if user.break_glass and verb in ("role", "reset", "enable"):
        return f"{user.name} is the sealed account: it works again when it is sealed anew (seal-account)"
    if verb == "role" and user.role == params.role:
        return f"{user.name} is {user.role} already"
    if verb in ("disable", "enable") and user.disabled is (verb == "disable"):
        return f"{user.name} is {'closed' if user.disabled else 'open'} already"
    return ""


def _left(books: Books, verb: Verb, user: User | None, params: Any) -> int:
    """How many open administrators there are afterwards, without the sealed account."""
    own = user.id if user is not None and user.id is not None else -1
    others = select(func.count()).select_from(User)
    others = others.where(User.role == Role.ADMIN.value, col(User.disabled).is_(False), col(User.break_glass).is_(False))
    count = books.session.exec(others.where(User.id != own)).one()
    role = params.role if verb in ("add", "role") else (user.role if user is not None else "")
    is_open = verb in ("add", "enable") or (verb != "disable" and user is not None and not user.disabled)
    sealed = user is not None and user.break_glass
    return count + int(role == Role.ADMIN and is_open and not sealed)


def _books(verb: Verb, books: Books, params: Any) -> Mapping[str, Item]:
    user = users.find(session=books.session, name=params.name)
    value = {
        "name": params.name,
        "there": user is not None,
        "wanted": user is not None if verb == "seal" else verb != "add",
        "already": _already(verb, user, params),
        "is": _is(user),
        "row": account_document(user),
    }
    source = "the console's own books"
    found = {
        "account": fresh(value, f"{params.name} is {value['is']}", at=books.now, source=source),
        "admins": fresh({"left": _left(books, verb, user, params)}, at=books.now, source=source),
    }
    if verb in _WITH_WORD:
        found["word"] = fresh({"usable": passwords.usable_hash(params.word_hash)}, at=books.now, source=source)
    return found


def _facts(request: Request, evidence: Evidence) -> Mapping[str, Fact]:
    item = evidence.get("account")
    return {f"account {request.params.name}": Fact(value=item.value["is"] if item.known else "not known")}


_TITLES: Mapping[Verb, str] = {
    "add": "Make the account {name} ({role})",
    "role": "Make {name} {role}",
    "reset": "Reset the password of {name}",
    "disable": "Close the account {name}",
    "enable": "Open the account {name} again",
    "seal": "Seal the account {name}",
}
_WITH_WORD = ("add", "reset", "seal")
_WORD = "with a one-time word that has to be changed at the next sign-in"
_ENDS = "its sessions end at once"
_FRESH = "it cannot approve for a while"
_DETAILS: Mapping[Verb, str] = {
    "add": f"{_WORD}; {_FRESH}",
    "role": f"{_ENDS}; {_FRESH}",
    "reset": f"{_WORD}; {_ENDS}; {_FRESH}",
    "disable": f"{_ENDS}; its tokens no longer count",
    "enable": _FRESH,
    "seal": f"for whoever is alone on call, with a new word; {_ENDS}; {_FRESH}",
}
_UNDO: Mapping[Verb, str] = {
    "add": "Close the account.",
    "role": "Give it its former role back.",
    "reset": "",
    "disable": "Open it again.",
    "enable": "Close it again.",
    "seal": "Close the account.",
}


def _title(verb: Verb, params: Any) -> str:
    role = params.role.value if verb in ("add", "role") else ""
    return _TITLES[verb].format(name=params.name, role=role)


def _target(verb: Verb, params: Any) -> Target:
    return Target(verb.capitalize(), "", f"accounts/{users.key_of(params.name)}", _title(verb, params))


def _plan(verb: Verb, request: Request, evidence: Evidence) -> Plan:
    params, item = request.params, evidence.get("account")
    row = item.value["row"] if item.known else {}
    body: dict[str, Any] = {"name": params.name}
    observe: dict[str, Any] = {}
    if verb in ("add", "role"):
        body["role"] = observe["/role"] = params.role.value
    if verb in ("add", "reset"):
        body["must_change"] = True
    if verb == "seal":
        body["break_glass"] = observe["/break_glass"] = True
    if verb in ("add", "enable", "disable", "seal"):
        body["disabled"] = observe["/disabled"] = verb == "disable"
    return Plan(
        steps=(
            Step(
                title=f"{_title(verb, params)}: {_DETAILS[verb]}",
                action=ACTION,
                system="The console's accounts",
                method="UPDATE" if row else "INSERT",
                body=body,
                relies_on={f"/{field}": row.get(field) for field in ("id", "role", "disabled", "break_glass")},
                observe=observe,
                arguments={"operation": request.operation_id, "verb": verb, "name": params.name},
                undo=_UNDO[verb],
                timeout_s=30,
            ),
        ),
        timeout_s=300,
    )


def _kind(verb: Verb, kind: str, title: str, sentence: str, params: type[Data], *guards: str) -> Operation:
    return Operation(
        kind=kind,
        title=title,
        sentence=sentence,
        params=params,
        target=lambda parsed: _target(verb, parsed),
        plan=lambda request, evidence: _plan(verb, request, evidence),
        guards=("account-there", *guards),
        policy=Policy(request=Role.ADMIN, approve=Role.ADMIN, override=Role.ADMIN, valid_s=86400),
        facts=_facts,
        on_platform=False,
        books=lambda books, parsed: _books(verb, books, parsed),
    )


KINDS = (
    _kind("add", "add-account", "Make an account", "Somebody new may sign in.", AddAccount, "word-usable"),
    _kind("role", "change-role", "Change a role", "An account may do more, or less.", ChangeRole, "admin-left"),
    _kind("reset", "reset-password", "Reset a password", "The account gets a one-time word.", ResetPassword, "word-usable"),
    _kind("disable", "disable-account", "Close an account", "Nobody signs in with it.", AccountParams, "admin-left"),
    _kind("enable", "enable-account", "Open an account again", "Its owner may sign in again.", AccountParams),
    _kind(
        "seal", "seal-account", "Seal an account", "For whoever is alone on call; its use tells all.", SealAccount, "word-usable"
    ),
)
