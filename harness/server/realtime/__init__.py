"""Supabase Realtime: pure rules of channels and changes, and a thin shell of sockets."""
