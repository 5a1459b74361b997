"""How a migration reaches the database: in one transaction, one console at a time."""

from alembic import context
from sqlalchemy import text

from openova_console.settings import load
from openova_console.store import change_tables
from openova_console.store.database import open_engine

# Any number that nobody else uses: replicas that start together migrate one after the other.
_LOCK = 0x6F70656E6F7661

metadata = change_tables.SQLModel.metadata


def _url() -> str:
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    return given or load().database_url


def _online() -> None:
    engine = open_engine(_url())
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            context.configure(
                connection=connection,
                target_metadata=metadata,
                render_as_batch=connection.dialect.name == "sqlite",
                transactional_ddl=True,
                compare_type=True,
            )
            context.run_migrations()
    finally:
        engine.dispose()


def _offline() -> None:
    context.configure(url=_url(), target_metadata=metadata, literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _offline()
else:
    _online()
