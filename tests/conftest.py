"""What holds for every test."""

from hypothesis import settings

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("chatquake", deadline=None)
settings.load_profile("chatquake")
