"""The one clock of a host.

Every time in Chatquake is a ``float`` in seconds on this clock. On Linux and macOS it is
shared by all processes of a host, so that a commit in the server, a frame in a client and a
probe of the canary can be set beside each other without any conversion.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]

monotonic_s: Clock = time.monotonic
