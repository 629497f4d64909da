"""What `common` announces, inside the transaction of the change. Receivers must not refuse."""

from django.dispatch import Signal

file_import_moved = Signal()
"""`job` (FileImport, in its new state), `by` (who did it; where a worker did, who asked for it)."""
