"""Migrations of the ledger's tables from earlier versions."""

from __future__ import annotations

__all__ = ["MIGRATIONS", "NEW_INDEXES", "OLD_NAMES", "OLD_STATUSES", "VERSION"]

VERSION = 7

#: The column names and statuses of ledgers before version 5.
OLD_NAMES = {
    "jobs": {
        "at": "created_at",
        "fate": "status",
        "seconds": "duration_s",
        "began": "started_after_s",
        "batch": "batch_id",
        "place": "batch_index",
    },
    "events": {"ticket": "job_id", "at": "created_at", "what": "event"},
    "files": {"ticket": "job_id"},
    "batches": {"at": "created_at"},
}
OLD_STATUSES = {
    "intent": "pending",
    "sent": "submitting",
    "accepted": "submitted",
    "kept": "saved",
    "refused": "rejected",
    "unknown": "unconfirmed",
    "lost": "result_lost",
}
_OLD_INDEXES = (
    "ix_tickets_at",
    "ix_tickets_digest",
    "ix_tickets_task_id",
    "ix_tickets_batch",
    "ix_tickets_fate_at",
    "ix_events_ticket",
    "ix_batches_at",
)
NEW_INDEXES = {
    "ix_jobs_created_at": "jobs (created_at)",
    "ix_jobs_digest": "jobs (digest)",
    "ix_jobs_task_id": "jobs (task_id)",
    "ix_jobs_batch_id": "jobs (batch_id)",
    "ix_jobs_status_created_at": "jobs (status, created_at)",
    "ix_events_job_id": "events (job_id)",
    "ix_batches_created_at": "batches (created_at)",
}


def _rename_statements() -> tuple[str, ...]:
    """Return the migration from version 4 to 5: the same data under new names."""
    cases = " ".join(f"WHEN '{old}' THEN '{new}'" for old, new in OLD_STATUSES.items())
    return (
        # Version 3 added this table; a ledger of version 2 has none.
        "CREATE TABLE IF NOT EXISTS batches (id VARCHAR(16) PRIMARY KEY, at FLOAT NOT NULL, "
        "name TEXT NOT NULL DEFAULT '', plan TEXT NOT NULL)",
        *(f"DROP INDEX IF EXISTS {name}" for name in _OLD_INDEXES),
        "ALTER TABLE tickets RENAME TO jobs",
        *(
            f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}"
            for table, names in OLD_NAMES.items()
            for old, new in names.items()
        ),
        f"UPDATE jobs SET status = CASE status {cases} ELSE status END",  # noqa: S608
        f"UPDATE events SET event = CASE event {cases} ELSE event END",  # noqa: S608
        *(f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in NEW_INDEXES.items()),
    )


#: The statements that migrate a ledger from each version to the next.
MIGRATIONS = {
    1: ("ALTER TABLE tickets ADD COLUMN owner VARCHAR(60) NOT NULL DEFAULT ''",),
    2: (
        "ALTER TABLE tickets ADD COLUMN batch VARCHAR(16) NOT NULL DEFAULT ''",
        "ALTER TABLE tickets ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX IF NOT EXISTS ix_tickets_batch ON tickets (batch)",
        "CREATE INDEX IF NOT EXISTS ix_tickets_fate_at ON tickets (fate, at)",
        "DROP INDEX IF EXISTS ix_tickets_fate",
    ),
    3: ("ALTER TABLE tickets ADD COLUMN began FLOAT",),
    4: _rename_statements(),
    5: ("ALTER TABLE jobs ADD COLUMN origin VARCHAR(10) NOT NULL DEFAULT ''",),
    6: (
        "ALTER TABLE jobs ADD COLUMN parent_ids TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN change TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN seed_drawn BOOLEAN NOT NULL DEFAULT FALSE",
        "CREATE INDEX IF NOT EXISTS ix_jobs_with_parents ON jobs (created_at) "
        "WHERE parent_ids != ''",
    ),
}
