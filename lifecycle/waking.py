"""The agreed names by which the web wakes the workers; they meet nowhere else but in the database."""

ADVANCE_JOB = "builders.advance_job"
SYNC_FARM = "builders.sync_farm"
