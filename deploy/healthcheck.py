"""Asks the web process of this container for /health; exit code 0 when it answers 200."""

import os
import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

# Longer than the slowest check behind /health (1 s), shorter than the time-out in the Dockerfile.
TIMEOUT_SECONDS = 4


def fault() -> str | None:
    """What is wrong, in a sentence; None when /health answered 200."""
    port = int(os.environ.get("PORT", "8000"))
    # The application answers to its own names only, not to 127.0.0.1.
    hosts = os.environ.get("ALLOWED_HOSTS", "").split(",")
    host = hosts[0].strip().lstrip(".") or urlsplit(os.environ.get("PUBLIC_URL", "")).hostname or "127.0.0.1"
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health", headers={"Host": host})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"/health on port {port}: {error}"
    finally:
        connection.close()
    return None if status == 200 else f"/health on port {port} answered {status}"


if __name__ == "__main__":
    sys.exit(fault())
