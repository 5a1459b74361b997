"""Guards about the console itself: its accounts, tokens, policy and standing approvals. Nobody may set one of them aside.

What they rest on is read from the console's own database (a kind's `books`).
"""

from openova_console.operations.evidence import Evidence
from openova_console.operations.guards.base import Guard, Subject, allow, block, hold
from openova_console.operations.words import Answer


def _account(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("account")
    if not item.known:
        return hold(f"The account is not known: {item.sentence}")
    value = item.value
    if value["there"] and not value["wanted"]:
        return block(f"There is an account named {value['name']} already")
    if value["wanted"] and not value["there"]:
        return block(f"There is no account named {value['name']}")
    if value["already"]:
        return block(value["already"])
    return allow(f"{value['name']} is {value['is']}")


def _admins(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("admins")
    if not item.known:
        return hold(f"How many administrators there are is not known: {item.sentence}")
    left = item.value["left"]
    if left < 1:
        return block("No administrator would be left")
    if left == 1:
        return allow("One administrator is left: nobody else could approve what he asks of the console itself")
    return allow(f"{left} administrators are left")


def _word(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("word")
    if not item.known:
        return hold(f"Whether the one-time word can be used is not known: {item.sentence}")
    return allow("The one-time word can be used") if item.value["usable"] else block("The word's hash is not of this console")


def _token(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("token")
    if not item.known:
        return hold(f"The token is not known: {item.sentence}")
    return block(item.value["against"]) if item.value["against"] else allow(item.sentence or "The token can be dealt with")


def _policy(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("policy")
    if not item.known:
        return hold(f"The policy is not known: {item.sentence}")
    return block(item.value["against"]) if item.value["against"] else allow("The policy stays above its floor")


def _standing(subject: Subject, evidence: Evidence) -> tuple[Answer, str]:
    item = evidence.get("standing")
    if not item.known:
        return hold(f"The standing approval is not known: {item.sentence}")
    return block(item.value["against"]) if item.value["against"] else allow(item.sentence or "It is a standing approval")


ACCOUNT = Guard(
    "account-there",
    "An account that is made is not there yet; one that is changed is, and the change changes something.",
    ("account",),
    "Choose another name, or look at the account: somebody may have changed it.",
    None,
    _account,
)
ADMIN_LEFT = Guard(
    "admin-left",
    "There is always an administrator who can sign in; the sealed account is none.",
    ("admins",),
    "Make another administrator first.",
    None,
    _admins,
)
WORD = Guard(
    "word-usable",
    "A one-time word is hashed as this console hashes, so that no sign-in is cheap, or costs gigabytes.",
    ("word",),
    "Ask again: the page makes a new word.",
    None,
    _word,
)
TOKEN = Guard(
    "token-fits",
    "A token has an open account as its owner, may no more than its owner, and ends.",
    ("token",),
    "Choose fewer scopes, another name or a nearer end.",
    None,
    _token,
)
FLOOR = Guard(
    "policy-floor",
    "No policy takes four eyes away where the kind itself demands them, and none hands the console to a lower role.",
    ("policy",),
    "Leave at least one approval, and administrators where the console itself is changed.",
    None,
    _policy,
)
STANDING = Guard(
    "standing-fits",
    "A standing approval is for a kind that may be scheduled, for parameters that it understands, and within limits.",
    ("standing",),
    "Correct what the sentence names.",
    None,
    _standing,
)
GUARDS = (ACCOUNT, ADMIN_LEFT, WORD, TOKEN, FLOOR, STANDING)
