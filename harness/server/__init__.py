"""The reference server: the chat's API and Supabase's side of it, small, honest and breakable.

It runs in its own process (``python -m harness.server``) and listens on three ports: the API
that the chat's Next.js app would serve (``chat``), what a Supabase project would serve
(``realtime``, ``auth``), and an admin port that only the harness reads. Behind them are
``storage`` and, over all of it, ``access``: who may do what. ``switches`` holds what makes the
server slow, strict or wrong. ``process`` puts the parts together.
"""
