"""Finding a server's programs on this machine, and installing Debian's package where we may."""

import os
import shutil
import subprocess
import sys
import threading

from tests.engines.base import EngineError, say

# apt knows one user at a time.
_apt = threading.Lock()


def install(package: str, *, otherwise: str) -> None:
    """Install a Debian package; EngineError names the package and what to do `otherwise` when we cannot."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise EngineError(f"Install the package `{package}` (Debian: apt-get install {package}), or {otherwise}.")
    with _apt:
        say(f"installing Debian's {package}")
        for step in (["update"], ["install", "--yes", package]):
            # A session of its own: Ctrl-C in the middle of dpkg would leave the machine with half a package.
            apt = subprocess.run(
                ["apt-get", "--quiet", *step],
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                start_new_session=True,
                check=False,
            )
            if apt.returncode:
                raise EngineError(f"apt-get {step[0]} failed; install `{package}` yourself, or {otherwise}.")
