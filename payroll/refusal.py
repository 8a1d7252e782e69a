"""What a command says that cannot be carried out."""


class Refused(Exception):
    """The command cannot be carried out, and nothing was done. The message says why and what to do."""
