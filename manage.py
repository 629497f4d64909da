#!/usr/bin/env python
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from common.context import acting

    try:
        # Whatever a command does, Django's own ones as well, is done by it.
        with acting("command", argv[1] if len(argv) > 1 else ""):
            execute_from_command_line(list(argv))
    except ImproperlyConfigured as error:
        # A sentence that says what to do needs no stack trace above it.
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv)
