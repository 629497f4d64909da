"""The full-text index over `catalog_searchentry.text`, made by migration 0002.

SQLite remakes a table that a migration alters and drops its triggers with it: such a migration of SearchEntry has to
drop the index first and create it again afterwards.
"""

from typing import Any

from django.db import connection

from common import sql

# Without a pending list a search costs the same right after an import as after a vacuum.
_POSTGRESQL = (
    "ALTER TABLE catalog_searchentry "
    "ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED",
    "CREATE INDEX searchentry_words ON catalog_searchentry USING gin (words) WITH (fastupdate = off)",
    "CREATE INDEX searchentry_start ON catalog_searchentry (left(text, 40) text_pattern_ops)",
    # Only an owner may analyze, and imports run as the application.
    "CREATE FUNCTION catalog_analyze() RETURNS void LANGUAGE plpgsql SECURITY DEFINER "
    "SET search_path = public, pg_temp AS $$ BEGIN ANALYZE catalog_searchentry; END $$",
)
_POSTGRESQL_UNDO = (
    "DROP FUNCTION catalog_analyze()",
    "DROP INDEX searchentry_start",
    "DROP INDEX searchentry_words",
    "ALTER TABLE catalog_searchentry DROP COLUMN words",
)
_SQLITE = (
    "CREATE VIRTUAL TABLE catalog_searchindex USING fts5("
    "text, content='catalog_searchentry', content_rowid='id', tokenize='unicode61', prefix='1 2 3', "
    "detail=none, columnsize=0)",
    "INSERT INTO catalog_searchindex(catalog_searchindex) VALUES ('rebuild')",
    "CREATE TRIGGER catalog_searchentry_inserted AFTER INSERT ON catalog_searchentry BEGIN "
    "INSERT INTO catalog_searchindex(rowid, text) VALUES (new.id, new.text); END",
    "CREATE TRIGGER catalog_searchentry_deleted AFTER DELETE ON catalog_searchentry BEGIN "
    "INSERT INTO catalog_searchindex(catalog_searchindex, rowid, text) VALUES ('delete', old.id, old.text); END",
    "CREATE TRIGGER catalog_searchentry_updated AFTER UPDATE OF id, text ON catalog_searchentry BEGIN "
    "INSERT INTO catalog_searchindex(catalog_searchindex, rowid, text) VALUES ('delete', old.id, old.text); "
    "INSERT INTO catalog_searchindex(rowid, text) VALUES (new.id, new.text); END",
    "CREATE INDEX searchentry_start ON catalog_searchentry (text)",
)
_SQLITE_UNDO = (
    "DROP INDEX searchentry_start",
    "DROP TRIGGER catalog_searchentry_updated",
    "DROP TRIGGER catalog_searchentry_deleted",
    "DROP TRIGGER catalog_searchentry_inserted",
    "DROP TABLE catalog_searchindex",
)


def create(apps: Any, schema_editor: Any) -> None:
    _run(schema_editor, _POSTGRESQL, _SQLITE)


def drop(apps: Any, schema_editor: Any) -> None:
    _run(schema_editor, _POSTGRESQL_UNDO, _SQLITE_UNDO)


def refresh_statistics() -> None:
    """Tell PostgreSQL's planner at once of many new entries; by itself it looks about once a minute.

    Until it knows how common a short prefix is, it collects all its matches where the first few hundred would do.
    """
    if connection.vendor == "postgresql":
        sql.fetch_one("SELECT catalog_analyze()")


def _run(schema_editor: Any, postgresql: tuple[str, ...], sqlite: tuple[str, ...]) -> None:
    for statement in postgresql if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement, params=None)
