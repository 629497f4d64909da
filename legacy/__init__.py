"""The old wire contract, at the root beside /api/v1/: adapters over the services, no rule and no model of its own.

One day the folder is deleted: docs/legacy.md says how.
"""
