"""What is wrong with the content of a file; whoever knows the path makes an error of it."""


class ContentError(ValueError):
    """A reason why content is not read, as the end of a sentence that names the file."""
