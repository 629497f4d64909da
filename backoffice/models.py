"""No table of its own. Django sends `post_migrate` only to apps with this module: `roles.sync_groups` waits for it."""
