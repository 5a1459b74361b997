"""Settings: one clear line for each mistake, defaults that are the handbook's, and the environment on top."""

import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from openova_console.settings import SettingsError, load

REGION_1 = {"id": "region-1", "display": "Region 1", "role": "primary", "kubernetes": {"in_cluster": True}}
REGION_2 = {"id": "region-2", "display": "Region 2", "role": "dr", "kubernetes": {"kubeconfig": "r2.yaml"}}
REGION_3 = {**REGION_2, "id": "region-3", "display": "Region 3"}


def document(**changes):
    return {"console": {"looks_from": "region-1"}, "regions": [REGION_1, REGION_2], **changes}


@pytest.fixture
def read(tmp_path, monkeypatch):
    for name in ("OPENOVA_CONFIG", "OPENOVA_CONSOLE__LOOKS_FROM"):
        monkeypatch.delenv(name, raising=False)

    def read(content):
        path = tmp_path / "console.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return load(path)

    return read


def mistakes(read, content):
    with pytest.raises(SettingsError) as error:
        read(content)
    lines = str(error.value).splitlines()
    assert len(lines) == len(error.value.mistakes)
    return lines


def test_defaults_are_the_handbooks(read):
    loaded = read(document())
    assert [r.address for r in loaded.witnesses.resolvers] == ["8.8.8.8", "1.1.1.1", "9.9.9.9"]
    assert loaded.witnesses.quorum == 2
    assert loaded.cadence.kubernetes_probe_s == 10
    assert (loaded.history.raw_hours, loaded.history.rollup_days) == (24, 35)
    assert (loaded.replication.cnpg.budget.warn_s, loaded.replication.cnpg.budget.breach_s) == (5, 30)


def test_one_region_is_enough(read):
    assert [r.id for r in read(document(regions=[REGION_1])).regions] == ["region-1"]


def _with(region, **changes):
    return [{**REGION_1, **changes} if region == 1 else REGION_1, {**REGION_2, **changes} if region == 2 else REGION_2]


EXACT = [
    (document(colour="blue"), "colour: is not a setting. Remove it, or mend its spelling"),
    (document(link={"jobb": "x"}), "link.jobb: is not a setting. Remove it, or mend its spelling"),
    (document(regions=_with(2, valky={})), "regions[1].valky: is not a setting. Remove it, or mend its spelling"),
    (document(console={}), "console.looks_from: is missing. Add it"),
    ({"console": {"looks_from": "region-1"}}, "regions: is missing. Add it"),
    (
        document(regions=[REGION_1, REGION_2, REGION_3]),
        "regions: 3 regions are configured; the handbook has two (one is allowed, without DR)",
    ),
    (
        document(regions=[]),
        "regions: 0 regions are configured; the handbook has two (one is allowed, without DR)",
    ),
    (
        document(regions=[REGION_1, {**REGION_2, "role": "primary"}]),
        "regions: one region must have role: primary and the other role: dr",
    ),
    (
        document(regions=[REGION_1, {**REGION_2, "id": "region-1"}]),
        "regions: both regions have the same id; give each its own",
    ),
    (
        document(console={"looks_from": "region-9"}),
        "settings: console.looks_from is 'region-9'; it must be one of the regions: region-1, region-2",
    ),
    (
        document(replication={"valkey": {"budget": {"warn_s": 30, "breach_s": 5}}}),
        "replication.valkey.budget: warn_s (30) must be smaller than breach_s (5)",
    ),
    (
        document(regions=_with(1, kubernetes={})),
        "regions[0].kubernetes: give exactly one of kubeconfig, in_cluster: true, or server (with ca_file and token_file)",
    ),
    (
        document(regions=_with(1, kubernetes={"in_cluster": True, "context": "x"})),
        "regions[0].kubernetes: context needs kubeconfig",
    ),
    (document(witnesses={"quorum": 1}), "witnesses: quorum must be a majority of the 3 resolvers"),
    (document(witnesses={"quorum": 4}), "witnesses: quorum must be a majority of the 3 resolvers"),
    (document(witnesses={"rounds": 5}), "witnesses: agree must be a majority of the 5 rounds"),
    (
        document(witnesses={"resolvers": [{"name": "Google", "address": "8.8.8.8"}]}),
        "witnesses: at least 3 resolvers are needed: fewer cannot outvote one that is wrong",
    ),
    (
        document(witnesses={"resolvers": [{"name": n, "address": "8.8.8.8"} for n in "abc"]}),
        "witnesses: two resolvers share one address: they would be one witness with two votes",
    ),
    (
        document(freshness={"link_s": 10}),
        "settings: freshness.link_s must be longer than cadence.link_s, or every sample is stale before the next",
    ),
]


@pytest.mark.parametrize(("content", "line"), EXACT, ids=[line[:60] for _, line in EXACT])
def test_each_mistake_has_its_sentence(read, content, line):
    assert mistakes(read, content) == [line]


TYPES = [
    (document(cadence={"link_s": "often"}), "cadence.link_s", "'often'"),
    (document(cadence={"link_s": 0}), "cadence.link_s", "greater than 0"),
    (document(cadence={"link_s": -1}), "cadence.link_s", "greater than 0"),
    (document(cadence={"link_s": float("nan")}), "cadence.link_s", ""),
    (document(cadence={"link_s": float("inf")}), "cadence.link_s", ""),
    (document(history={"raw_hours": 1.5}), "history.raw_hours", "1.5"),
    (document(console={"looks_from": "Region 1"}), "console.looks_from", "pattern"),
    (document(console={"looks_from": "region-1", "public_url": "console.example.com"}), "console.public_url", "pattern"),
    (document(console={"looks_from": "region-1", "public_url": "ftp://x"}), "console.public_url", "pattern"),
    (document(console={"looks_from": "region-1", "database_url": "mysql://x"}), "console.database_url", "pattern"),
    (document(console={"looks_from": "region-1", "database_url": "postgresql://x"}), "console.database_url", "pattern"),
    (document(environment={"kind": "prod"}), "environment.kind", "'lab', 'staging' or 'production'"),
    (document(environment="production"), "environment", ""),
    (document(regions=REGION_1), "regions", "tuple"),
    (document(regions=["region-1"]), "regions[0]", ""),
    (document(regions=_with(1, valkey={"host": "v", "port": 70000})), "regions[0].valkey.port", "65535"),
    (document(regions=_with(1, probe_zone="not a name")), "regions[0].probe_zone", "pattern"),
    (
        document(witnesses={"resolvers": [{"name": n, "address": "dns.example"} for n in "abc"]}),
        "witnesses.resolvers[0].address",
        "dns.example",
    ),
]


@pytest.mark.parametrize(("content", "path", "part"), TYPES, ids=[f"{p} {i}" for i, (_, p, _) in enumerate(TYPES)])
def test_a_value_of_the_wrong_kind_is_named_with_its_path(read, content, path, part):
    lines = mistakes(read, content)
    assert any(line.startswith(f"{path}: ") and part in line for line in lines), lines


def test_all_mistakes_are_told_at_once(read):
    content = document(colour="blue", cadence={"link_s": 0}, regions=_with(2, kubernetes={}))
    assert [line.split(":")[0] for line in sorted(mistakes(read, content))] == [
        "cadence.link_s",
        "colour",
        "regions[1].kubernetes",
    ]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "is not a mapping"),
        ("- a\n- b\n", "is not a mapping"),
        ("just text", "is not a mapping"),
        ("1: x\n", "is not a mapping"),
        ("a: [1\n", "is not YAML"),
        ("a: b: c\n", "line 1, column 5"),
        ("\ta: 1\n", "is not YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "is not YAML"),
    ],
)
def test_a_file_that_is_no_settings_file(read, content, part):
    (line,) = mistakes(read, content)
    assert part in line


def test_a_missing_file_a_folder_and_a_binary_file(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path, part in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "binary.yaml", "UTF-8"),
    ):
        with pytest.raises(SettingsError, match=part) as error:
            load(path)
        assert len(error.value.mistakes) == 1


def test_without_a_file_the_variable_is_named(monkeypatch):
    monkeypatch.delenv("OPENOVA_CONFIG", raising=False)
    with pytest.raises(SettingsError, match=r"^OPENOVA_CONFIG: no settings file is named"):
        load()


def test_the_variable_names_the_file(tmp_path, monkeypatch):
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(document()))
    monkeypatch.setenv("OPENOVA_CONFIG", str(path))
    assert load().console.looks_from == "region-1"


def test_the_environment_wins_over_the_file(read, monkeypatch):
    monkeypatch.setenv("OPENOVA_CONSOLE__LOOKS_FROM", "region-2")
    monkeypatch.setenv("OPENOVA_ENVIRONMENT__NAME", "from outside")
    monkeypatch.setenv("OPENOVA_CADENCE__LINK_S", "7")
    loaded = read(document(console={"looks_from": "region-1", "session_hours": 3}))
    assert loaded.console.looks_from == "region-2"
    assert loaded.console.session_hours == 3
    assert loaded.environment.name == "from outside"
    assert loaded.cadence.link_s == 7


def test_a_mistake_in_the_environment_is_a_mistake(read, monkeypatch):
    monkeypatch.setenv("OPENOVA_CADENCE__LINK_S", "often")
    (line,) = mistakes(read, document())
    assert line.startswith("cadence.link_s: ")


def test_paths_are_relative_to_the_file(read, tmp_path):
    loaded = read(document(console={"looks_from": "region-1", "metrics_token_file": "secrets/token"}))
    assert loaded.console.metrics_token_file == tmp_path / "secrets" / "token"
    assert loaded.regions[1].kubernetes.kubeconfig == tmp_path / "r2.yaml"
    assert loaded.database_url == f"sqlite:///{tmp_path / '.data' / 'console.db'}"


def test_absolute_paths_stay(read):
    loaded = read(document(console={"looks_from": "region-1", "data_dir": "/var/lib/openova"}))
    assert loaded.console.data_dir == Path("/var/lib/openova")


def test_settings_do_not_change(read):
    loaded = read(document())
    with pytest.raises(ValueError, match="frozen"):
        loaded.console.looks_from = "region-2"


def test_a_region_is_found_by_its_id_or_not_at_all(read):
    loaded = read(document())
    assert loaded.region("region-2").role == "dr"
    with pytest.raises(KeyError):
        loaded.region("region-3")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_lowercase, max_size=6), inner, max_size=3),
    max_leaves=8,
)
SECTIONS = ("environment", "console", "regions", "link", "replication", "witnesses", "cadence", "freshness", "network", "history")


@given(st.dictionaries(st.sampled_from(SECTIONS) | st.text(string.ascii_lowercase, min_size=1, max_size=6), JSON, max_size=4))
@settings(max_examples=150, deadline=None)
def test_garbage_is_always_mistakes_and_never_a_crash(tmp_path_factory, garbage):
    path = tmp_path_factory.mktemp("s") / "x.yaml"
    path.write_text(yaml.safe_dump({**document(), **garbage}))
    try:
        load(path)
    except SettingsError as error:
        assert error.mistakes
        for mistake in error.mistakes:
            assert mistake.path
            assert mistake.wrong
            assert "\n" not in str(mistake)


@given(warn=st.floats(0.001, 86400), breach=st.floats(0.001, 86400))
@settings(max_examples=50, deadline=None)
def test_a_budget_is_taken_exactly_when_it_is_ordered(tmp_path_factory, warn, breach):
    path = tmp_path_factory.mktemp("s") / "x.yaml"
    path.write_text(yaml.safe_dump(document(replication={"minio": {"budget": {"warn_s": warn, "breach_s": breach}}})))
    try:
        budget = load(path).replication.minio.budget
    except SettingsError:
        assert warn >= breach
    else:
        assert budget.warn_s < budget.breach_s
