"""The shells around a session: the only code that owns client sockets and timers."""
