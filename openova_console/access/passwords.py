"""Passwords: argon2id, in threads of their own, and the rules for choosing one.

Hashing costs 64 MiB and tens of milliseconds, so at most two run at once however many people knock. A name that does
not exist costs the same work as one that does.
"""

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
MAX_LENGTH = 256
HASH_LIMIT = 255

# Without letters and digits that look alike: about 124 bits in five groups of five.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_GROUPS, _GROUP = 5, 5

# Long enough for the length rule, and still the first that anybody tries.
_COMMON = """
password1234 password12345 password123456 passwordpassword administrator administrator1 123456789012 1234567890123
123456123456 123123123123 111111111111 000000000000 qwertyuiop12 qwertyuiop123 qwertyuiopas qwertyuiop[] 1q2w3e4r5t6y
1qaz2wsx3edc 1qaz2wsx3edc4rfv iloveyou1234 letmeinletmein changeme1234 changemechangeme welcome12345 welcome123456
abcdefghijkl abc123abc123 qazwsxedcrfv asdfghjkl123 zaq12wsxcde3 openovaopenova openova12345 openova-console
openovaconsole correcthorsebatterystaple kubernetes123 kuberneteskubernetes adminadminadmin admin1234567 rootrootroot
passw0rd1234 p@ssw0rd1234 p@ssword1234 superuser1234 trustno1trustno1 monkeymonkey dragondragon footballfootball
"""


class WeakPassword(Exception):
    """The password may not be used; the message says which rule it breaks."""


@cache
def _hasher() -> PasswordHasher:
    # RFC 9106, second recommended option: 64 MiB, 3 passes.
    return PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")


@cache
def _nobody() -> str:
    """A hash that no password is checked against in earnest: it makes an unknown name cost what a known one costs."""
    return _hasher().hash("no account has this password")


def check_rules(password: str, *, name: str) -> None:
    """Refuse what is easily guessed.

    Raises:
        WeakPassword: with the rule that it breaks.
    """
    folded = _prepared(password).casefold()
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"The password needs at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"The password may have at most {MAX_LENGTH} characters.")
    if len(set(folded)) < 5:
        raise WeakPassword("The password repeats too few different characters.")
    if name and folded.replace(name.casefold(), "") != folded and len(folded.replace(name.casefold(), "")) < 8:
        raise WeakPassword("The password is little more than the name.")
    if folded in _COMMON.split():
        raise WeakPassword("The password is among the first that anybody would try.")


def _prepared(password: str) -> str:
    """The same password typed on two keyboards is the same password (NIST SP 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """The hash to store. Blocks for tens of milliseconds: from async code use `hashed`."""
    return _hasher().hash(_prepared(password))


def verify_password(password: str, stored: str | None) -> bool:
    """Whether this is the password; `stored` is None for a name that does not exist, which costs as much."""
    if len(password) > MAX_LENGTH:
        password = ""
    try:
        _hasher().verify(stored or _nobody(), _prepared(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def outdated(stored: str) -> bool:
    """Whether a stored hash was made with weaker parameters than today's."""
    return _hasher().check_needs_rehash(stored)


def one_time_word() -> tuple[str, str]:
    """A password for one sign-in, and its hash. Blocks as `hash_password` does.

    The word is shown once to whoever asked for it and kept nowhere; more than 120 bits of it are random.
    """
    word = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return word, hash_password(word)


async def new_one_time_word() -> tuple[str, str]:
    """As `one_time_word`, on the few threads that hash: however many ask at once, no more memory than theirs is used."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), one_time_word)


def usable_hash(stored: str) -> bool:
    """Whether this is a hash as `hash_password` makes them today: another one could cost a sign-in gigabytes, or nothing."""
    try:
        return stored.startswith("$argon2id$") and len(stored) <= HASH_LIMIT and not outdated(stored)
    except (InvalidHashError, ValueError):
        return False


async def hashed(password: str) -> str:
    """`hash_password` without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), hash_password, password)


async def verified(password: str, stored: str | None) -> bool:
    """`verify_password` without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), verify_password, password, stored)
