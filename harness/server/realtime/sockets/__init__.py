"""WebSockets straight on the transport, and what their bytes mean (RFC 6455)."""
