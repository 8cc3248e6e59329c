"""Runs the steps of jobs. The database decides what runs; Celery only carries the wake-up."""
