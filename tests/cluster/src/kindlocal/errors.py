"""The one exception whose text is meant for the person at the keyboard."""


class KindlocalError(Exception):
    """What was expected, what was found, what to do; command lines print it as one line and exit with 1."""
