"""What the genuine realtime-js does under fake timers, kept, and the means to make it anew.

``scenarios.json`` says what happens around the library (``auth-scenarios.json`` around it and the
genuine auth-js together, joined as supabase-js joins them), ``trace.mjs`` plays it into a genuine
one,
``traces/`` holds what came out, and ``play`` plays the same into ours.
"""
