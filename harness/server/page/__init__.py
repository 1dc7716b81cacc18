"""The chat page, served beside the chat's API, and accounts made up for who opens it."""
