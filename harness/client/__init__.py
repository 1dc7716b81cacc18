"""The emulated chat client: a pure state machine, from the composer to what the person sees.

``session.Session`` is the whole; each part is a module: ``composer`` (S rules), ``realtime``
(R), ``fallback`` (F), ``message_list`` (the screen). Nothing here owns a socket or a clock.
"""
