"""Where the chat's messages are kept: one small interface and what implements it."""
