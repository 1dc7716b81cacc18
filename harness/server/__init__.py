"""The reference server: the chat's API and Supabase's Realtime, small, honest and breakable.

It runs in its own process (``python -m harness.server``) and listens on three ports: the API
that Next.js would serve, the Realtime socket that Supabase would serve, and an admin port that
only the harness reads. Pure parts: ``room``, ``protocol``, ``joins``, ``handshake``, ``auth``,
``changes``. Shells: ``api``, ``realtime``, ``admin``, ``sqlite``, ``process``.
"""
