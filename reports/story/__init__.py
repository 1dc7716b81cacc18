"""One user's life in a run, as lines that a person can read (docs/story.md).

``asking`` finds whom and what is asked for, ``reading`` takes only that from the records,
``life`` is what is known then, ``telling`` makes lines of it and ``fate`` says what became of
one message. All but ``reading`` is pure.
"""
