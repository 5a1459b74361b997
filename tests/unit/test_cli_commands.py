"""The command line: what it prints, what it refuses, and how it ends."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from sqlmodel import select
from typer.testing import CliRunner

from openova_console.access.passwords import verify_password
from openova_console.cli.app import app
from openova_console.store.database import open_engine, reading
from openova_console.store.tables import User
from tests.support.consoles import PASSWORD

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def run(*args, typed=None):
    return CliRunner().invoke(app, [str(arg) for arg in args], input=typed)


@pytest.fixture
def config(tmp_path, cheap_hashes):
    document = {
        "console": {"looks_from": "region-1", "data_dir": "data"},
        "regions": [{"id": "region-1", "display": "Region 1", "role": "primary", "kubernetes": {"in_cluster": True}}],
    }
    path = tmp_path / "console.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


def stored(config):
    engine = open_engine(f"sqlite:///{config.parent / 'data' / 'console.db'}")
    with reading(engine) as s:
        users = {user.name: user for user in s.exec(select(User))}
    engine.dispose()
    return users


def test_the_examples_are_there():
    assert {"lab.yaml", "production.yaml"} <= {path.name for path in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_good(example):
    answer = run("check-config", example)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith(f"{example}: good.")


def test_one_line_for_each_mistake(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("console: {looks_from: region-1, colour: blue}\nregions: []\nlink: {rtt_warn_ms: -1}\n")
    answer = run("check-config", path)
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert sorted(line.split(":")[0] for line in answer.stderr.splitlines()) == [
        "console.colour",
        "link.rtt_warn_ms",
        "regions",
    ]


def test_one_region_is_said_to_have_nothing_to_fail_over_to(config):
    assert "no second region to fail over to" in run("check-config", config).stdout


def test_a_missing_file_is_one_line(tmp_path):
    answer = run("check-config", tmp_path / "none.yaml")
    assert answer.exit_code == 1
    assert answer.stderr.count("\n") == 1


def test_the_settings_file_may_come_from_the_environment(config, monkeypatch):
    monkeypatch.setenv("OPENOVA_CONFIG", str(config))
    assert run("migrate").exit_code == 0


def test_without_a_settings_file_it_says_which_variable_names_one(monkeypatch):
    monkeypatch.delenv("OPENOVA_CONFIG", raising=False)
    answer = run("migrate")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("OPENOVA_CONFIG:")


def test_migrating_twice_is_no_mistake(config):
    assert run("migrate", "-c", config).stdout == run("migrate", "-c", config).stdout


def test_a_database_that_cannot_be_made_is_one_sentence(config):
    (config.parent / "data").write_text("a file")
    answer = run("migrate", "-c", config)
    assert answer.exit_code == 1
    assert "console.data_dir" in answer.stderr
    assert "Traceback" not in answer.output


def test_an_account_from_a_password_file(config, password_file):
    answer = run("users", "add", "Alice", "--role", "approver", "--password-file", password_file, "-c", config)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == "Alice is approver, who must change the password at the first sign-in.\n"
    user = stored(config)["Alice"]
    assert user.must_change
    assert verify_password(PASSWORD, user.password_hash)


def test_an_account_from_a_typed_password(config):
    answer = run("users", "add", "alice", "-r", "viewer", "--keeps", "-c", config, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert answer.exit_code == 0, answer.output
    assert PASSWORD not in answer.output
    assert not stored(config)["alice"].must_change


def test_a_password_is_no_argument(config):
    for extra in (("--password", PASSWORD), (PASSWORD,)):
        assert run("users", "add", "alice", "-r", "viewer", *extra, "-c", config).exit_code == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("add", "alice", "-r", "viewer"), "already an account"),
        (("add", "a b", "-r", "viewer"), "A name has"),
        (("set-password", "nobody"), "There is no account named 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(config, password_file, args, said):
    run("users", "add", "alice", "-r", "viewer", "--password-file", password_file, "-c", config)
    answer = run("users", *args, "--password-file", password_file, "-c", config)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_weak_password_is_refused(config, tmp_path):
    (tmp_path / "weak").write_text("short")
    answer = run("users", "add", "alice", "-r", "viewer", "--password-file", tmp_path / "weak", "-c", config)
    assert answer.exit_code == 1
    assert "at least 12" in answer.stderr
    assert stored(config) == {}


def test_a_password_file_that_is_not_there_is_one_sentence(config, tmp_path):
    answer = run("users", "add", "alice", "-r", "viewer", "--password-file", tmp_path / "none", "-c", config)
    assert answer.exit_code == 1
    assert "cannot be read" in answer.stderr


def test_an_unknown_role_is_refused_with_the_known_ones(config, password_file):
    answer = run("users", "add", "alice", "-r", "root", "--password-file", password_file, "-c", config)
    assert answer.exit_code == 2
    assert "security-officer" in answer.stderr


def test_accounts_are_listed_changed_and_closed(config, password_file):
    assert "There are no accounts yet" in run("users", "list", "-c", config).stdout
    run("users", "add", "alice", "-r", "viewer", "--password-file", password_file, "-c", config)
    assert run("users", "set-role", "ALICE", "operator", "-c", config).stdout.startswith("alice is operator;")
    assert run("users", "disable", "alice", "-c", config).exit_code == 0
    run("users", "add", "root", "-r", "admin", "--password-file", password_file, "-c", config)
    lines = run("users", "list", "-c", config).stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["name", "role", "state"],
        ["alice", "operator", "disabled"],
        ["root", "admin", "open"],
    ]


def test_a_new_password_replaces_the_old_one(config, password_file, tmp_path):
    run("users", "add", "alice", "-r", "viewer", "--password-file", password_file, "-c", config)
    (tmp_path / "new").write_text("a much better passphrase")
    assert run("users", "set-password", "alice", "--password-file", tmp_path / "new", "-c", config).exit_code == 0
    assert verify_password("a much better passphrase", stored(config)["alice"].password_hash)


@contextmanager
def console_that_says(status, body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_status_of_a_ready_console():
    with console_that_says(200, b'{"ready": true, "not_ready": []}') as url:
        answer = run("status", "--url", url)
    assert (answer.exit_code, answer.stdout) == (0, f"The console at {url} is ready.\n")


def test_status_of_a_console_that_is_not_ready():
    body = json.dumps({"ready": False, "not_ready": [{"what": "database", "why": "did not answer"}]}).encode()
    with console_that_says(503, body) as url:
        answer = run("status", "--url", url + "/")
    assert answer.exit_code == 1
    assert answer.stdout == "database: did not answer\n"
    assert "is not ready" in answer.stderr


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"ready": true, "not_ready": [1]}', b"\xff"])
def test_status_of_something_else(body):
    with console_that_says(200, body) as url:
        answer = run("status", "--url", url)
    assert answer.exit_code == 1
    assert "is it one?" in answer.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "not an address", "http://[::1", "http://127.0.0.1:99999"])
def test_status_of_nothing_is_one_sentence(url):
    answer = run("status", "--url", url)
    assert answer.exit_code == 1
    assert answer.stderr.count("\n") == 1
