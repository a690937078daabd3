"""placeholder"""


def assemble(layout): ...
def upload(layout, repo, *, public):
    return ""
