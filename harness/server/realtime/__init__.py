"""Supabase Realtime: pure rules of channels and changes, and a thin shell of sockets.

A frame of a client goes from ``sockets`` to ``shell``, which asks ``protocol`` what it means; the
answer is a list of ``effects``. ``channels`` knows who has joined what, ``topics`` what the
channels of one topic say to each other, and ``changes`` how a committed row gets to those who may
see it; ``filters`` judges rows as PostgreSQL would. ``handshake`` and ``quotas`` say who is let in.
All but ``shell``, ``sockets``, ``broadcast_routes`` and the waiting in ``changes.poller`` is pure.
"""
