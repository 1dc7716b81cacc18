"""Filters of ``postgres_changes`` bindings, as PostgreSQL would judge them. Pure."""
