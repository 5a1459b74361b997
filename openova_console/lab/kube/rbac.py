"""Who may do what: accounts with rules, as ClusterRoles grant them.

Three accounts stand for the identities of a platform: `console-reader` sees every served kind but Secrets and writes
nothing, `console-actor` may do what the console's operations do and nothing more, `viewer` sees ConfigMaps within a
namespace. `administrator` is for the lab itself.
"""

from dataclasses import dataclass

from openova_console.lab.kube.errors import Refusal, qualified, target
from openova_console.lab.kube.kinds import SERVED
from openova_console.lab.kube.paths import Asked


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources of one API group; `deployments/scale` names a subresource, `*` stands for all.

    Attributes:
        within_namespace: not across all namespaces at once.
        namespaces: only in these, as a Role grants it; everywhere when empty.
    """

    verbs: frozenset[str]
    group: str
    resources: frozenset[str]
    within_namespace: bool = False
    namespaces: frozenset[str] = frozenset()

    def covers(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Whether the rule grants this."""
        if (self.within_namespace and not namespace) or (self.namespaces and namespace not in self.namespaces):
            return False
        return (
            (verb in self.verbs or "*" in self.verbs)
            and self.group in (group, "*")
            and (resource in self.resources or "*" in self.resources)
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who presents a token."""

    name: str
    rules: tuple[Rule, ...] = ()
    groups: tuple[str, ...] = ("system:authenticated",)
    uid: str = ""

    def allows(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Whether any rule grants the verb on the resource (`plural` or `plural/subresource`)."""
        return any(rule.covers(verb, group, resource, namespace) for rule in self.rules)


ANONYMOUS = Account("system:anonymous", groups=("system:unauthenticated",))
_READ = frozenset({"get", "list", "watch"})
_SELF_REVIEWS = (
    Rule(
        frozenset({"create"}),
        "authorization.k8s.io",
        frozenset({"selfsubjectaccessreviews", "selfsubjectrulesreviews"}),
    ),
    Rule(frozenset({"create"}), "authentication.k8s.io", frozenset({"selfsubjectreviews"})),
)
_PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version", "/version/"})
_DISCOVERY_ROOTS = ("/api", "/apis", "/openapi")

# Groups that a platform may have and the lab has not: the console's role names them, so it gets 404 and not 403.
_MAYBE_INSTALLED = ("failover.openova.io", "keda.sh", "metrics.k8s.io", "k8gb.io", "openova.io")


def _rule(verbs: str, group: str, resources: str) -> Rule:
    return Rule(frozenset(verbs.split()), group, frozenset(resources.split()))


def _reading() -> tuple[Rule, ...]:
    """get, list and watch on every served kind but Secrets, one rule per group."""
    groups: dict[str, set[str]] = {group: {"*"} for group in _MAYBE_INSTALLED}
    for kind in SERVED:
        if kind.plural == "secrets":
            continue
        resources = groups.setdefault(kind.group, set())
        resources.add(kind.plural)
        if kind.scale is not None:
            resources.add(f"{kind.plural}/scale")
    return tuple(Rule(_READ, group, frozenset(resources)) for group, resources in groups.items())


CONSOLE_NAMESPACE = "openova-console"
"""Where the console keeps its own marks: ConfigMaps that no one else writes."""
_ACTING = (
    _rule("get patch", "apps", "deployments statefulsets daemonsets"),
    _rule("list", "", "pods"),
    _rule("get patch", "kustomize.toolkit.fluxcd.io", "kustomizations"),
    _rule("get", "source.toolkit.fluxcd.io", "gitrepositories"),
    Rule(frozenset({"get", "create", "patch"}), "", frozenset({"configmaps"}), namespaces=frozenset({CONSOLE_NAMESPACE})),
)


def console_reader() -> Account:
    """Reads every served kind but Secrets; never acts."""
    return Account("console-reader", (*_SELF_REVIEWS, *_reading()))


def console_actor() -> Account:
    """Reads and writes what the console's operations read and write, object by object; sees nothing else."""
    return Account("console-actor", (*_SELF_REVIEWS, *_ACTING))


def viewer() -> Account:
    """Sees ConfigMaps, one namespace at a time."""
    see = Rule(_READ, "", frozenset({"configmaps"}), within_namespace=True)
    return Account("viewer", (*_SELF_REVIEWS, see), groups=("viewers", "system:authenticated"), uid="2")


def administrator() -> Account:
    """May do everything: for the lab's own tools and tests."""
    everything = Rule(frozenset({"*"}), "*", frozenset({"*"}))
    return Account("admin", (everything,), groups=("system:masters", "system:authenticated"), uid="1")


def authenticate(authorization: str | None, tokens: dict[str, Account]) -> Account:
    """The account of an Authorization header; anonymous without a bearer token.

    Raises:
        Refusal: 401 for a token that nobody has.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return ANONYMOUS
    account = tokens.get(token.strip())
    if account is None:
        raise Refusal(401, "Unauthorized", "Unauthorized")
    return account


def authorise(account: Account, asked: Asked) -> None:
    """Raises `Refusal` 403 unless the account may do what is asked."""
    if not asked.is_resource:
        _authorise_path(account, asked)
        return
    resource = f"{asked.plural}/{asked.subresource}" if asked.subresource else asked.plural
    if account.allows(asked.verb, asked.group, resource, asked.namespace):
        return
    raise forbidden(account, asked)


def forbidden(account: Account, asked: Asked) -> Refusal:
    """The 403 for something that the account may not do with a resource."""
    resource = f"{asked.plural}/{asked.subresource}" if asked.subresource else asked.plural
    subject = qualified(asked.plural, asked.group) + (f' "{asked.name}"' if asked.name else "")
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{account.name}" cannot {asked.verb} resource "{resource}" '
        f'in API group "{asked.group}" {where}'
    )
    return Refusal(403, "Forbidden", message, details=target(asked.plural, asked.group, asked.name))


def _authorise_path(account: Account, asked: Asked) -> None:
    if asked.verb == "get" and asked.path in _PUBLIC_PATHS:
        return
    known = account is not ANONYMOUS and asked.verb == "get"
    if known and any(asked.path == root or asked.path.startswith(f"{root}/") for root in _DISCOVERY_ROOTS):
        return
    if account.allows(asked.verb, "*", "*", ""):
        return
    message = f'forbidden: User "{account.name}" cannot {asked.verb} path "{asked.path}"'
    raise Refusal(403, "Forbidden", message, details={})
