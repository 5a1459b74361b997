"""The database: migrations, sessions, threads, and the sentences for what is wrong with it."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import StatementError
from sqlmodel import select

from openova_console.store.database import (
    StoreError,
    alembic_config,
    check_writable,
    in_thread,
    migrate,
    open_engine,
    reading,
    session,
)
from openova_console.store.tables import SetupCode

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def _code(at: datetime, sha: str = "a" * 64) -> SetupCode:
    return SetupCode(code_sha256=sha, created_at=at, expires_at=at + timedelta(hours=1))


def test_upgrade_from_nothing_matches_the_tables_and_goes_back(store_url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    migrate(store_url)
    command.check(alembic_config(store_url))
    command.downgrade(alembic_config(store_url), "base")
    engine = open_engine(store_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    migrate(store_url)
    command.check(alembic_config(store_url))


def test_migrating_twice_changes_nothing(store_url):
    migrate(store_url)
    engine = open_engine(store_url)
    with session(engine) as s:
        s.add(_code(NOW))
    migrate(store_url)
    with reading(engine) as s:
        assert len(s.exec(select(SetupCode)).all()) == 1
    engine.dispose()


def test_replicas_that_start_together_both_come_up(store_url):
    code = f"from openova_console.store.database import migrate; migrate({store_url!r})"
    root = Path(__file__).parents[2]
    replicas = [subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(r.communicate(timeout=60)[1], r.returncode) for r in replicas] == [(b"", 0), (b"", 0)]
    command.check(alembic_config(store_url))


def test_there_is_one_head():
    assert len(ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads()) == 1


def test_a_password_with_percent_signs_survives_the_way_to_alembic():
    url = "postgresql+psycopg://u:a%25b%40c@127.0.0.1/x"
    assert alembic_config(url).attributes["url"] == url


def test_instants_come_back_as_they_went_in(store_url):
    migrate(store_url)
    engine = open_engine(store_url)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with session(engine) as s:
        s.add(_code(elsewhere))
    with reading(engine) as s:
        kept = s.exec(select(SetupCode)).one()
    assert kept.created_at == NOW
    assert kept.created_at.tzinfo is UTC
    engine.dispose()


def test_an_instant_without_a_zone_is_refused(store_url):
    migrate(store_url)
    engine = open_engine(store_url)
    with pytest.raises(StatementError, match="needs a time zone"), session(engine) as s:
        s.add(_code(NOW.replace(tzinfo=None)))
    engine.dispose()


def test_a_session_that_raises_keeps_nothing(store_url):
    migrate(store_url)
    engine = open_engine(store_url)
    with pytest.raises(RuntimeError), session(engine) as s:
        s.add(_code(NOW))
        s.flush()
        raise RuntimeError
    with reading(engine) as s:
        assert s.exec(select(SetupCode)).all() == []
    engine.dispose()


def test_sqlite_writers_wait_for_each_other_and_readers_do_not(tmp_path):
    url = f"sqlite:///{tmp_path / 'console.db'}"
    migrate(url)
    engine = open_engine(url)
    done: list[str] = []
    started = threading.Event()

    def write() -> None:
        started.set()
        with session(engine) as s:
            s.add(_code(NOW, "b" * 64))
        done.append("second")

    with session(engine) as s:
        # A plain read at the start: a deferred transaction would now fail to upgrade once somebody else has written.
        s.exec(select(SetupCode)).all()
        other = threading.Thread(target=write)
        other.start()
        assert started.wait(5)
        with reading(engine) as r:
            assert r.exec(select(SetupCode)).all() == []
        s.add(_code(NOW))
        s.commit()
        done.append("first")
    other.join(10)
    assert done == ["first", "second"]
    engine.dispose()


def test_sqlite_is_set_up_for_readers_beside_a_writer(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'console.db'}")
    with engine.connect() as connection:
        pragma = {n: connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in ("journal_mode", "foreign_keys")}
    assert pragma == {"journal_mode": "wal", "foreign_keys": 1}
    engine.dispose()


def test_opening_an_engine_touches_nothing(tmp_path):
    open_engine(f"sqlite:///{tmp_path / 'none' / 'console.db'}")
    open_engine("postgresql+psycopg://u@127.0.0.1:1/x")
    assert list(tmp_path.iterdir()) == []


async def test_store_work_leaves_the_loop_free():
    release = threading.Event()
    work = asyncio.create_task(in_thread(release.wait, 10))
    await asyncio.sleep(0)
    # Only a running loop gets here to release the work.
    release.set()
    assert await work is True


async def test_store_work_runs_on_its_own_threads_and_raises_to_the_caller():
    assert (await in_thread(lambda: threading.current_thread().name)).startswith("store")

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await in_thread(fail)


def test_a_missing_folder_is_made(tmp_path):
    check_writable(f"sqlite:///{tmp_path / 'a' / 'b' / 'console.db'}")


def test_a_folder_that_cannot_be_made_gets_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as refused:
        check_writable(f"sqlite:///{tmp_path / 'file' / 'x' / 'console.db'}")
    assert str(tmp_path / "file" / "x") in str(refused.value)
    assert "console.data_dir" in str(refused.value)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_gets_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written to"):
        check_writable(f"sqlite:///{tmp_path / 'console.db'}")


def test_a_file_that_is_no_database_gets_one_sentence(tmp_path):
    (tmp_path / "console.db").write_text("this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        check_writable(f"sqlite:///{tmp_path / 'console.db'}")


def test_a_server_that_is_not_there_gets_one_sentence_without_the_password():
    with pytest.raises(StoreError) as refused:
        check_writable("postgresql+psycopg://console:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(refused.value)
    assert "console.database_url" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_schema_from_a_newer_console_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "console.db"
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="start the version of the console that wrote it"):
        migrate(f"sqlite:///{Path(path)}")
