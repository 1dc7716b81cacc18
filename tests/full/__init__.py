"""The library's full check: ``make test-full``, hours long and resumable."""
