"""How a world tells that it did not keep what is promised."""


class Wrong(AssertionError):
    """The world of a seed did not keep what is promised."""
