"""Upload the finished data set of a run to the Hugging Face Hub."""

from flows.publishing.push import Pushed, published_ties, push, tag_latest
from flows.recipes.folder import read_recipe
from flows.stages.finished import finished_rows
from flows.stages.publish import card_template, write_set
from flows.store.layout import Layout


def upload(
    layout: Layout, repo: str, *, public: bool = False, append: bool = False, tag: str | None = None, dry: bool = False
) -> Pushed:
    """Commit `publish/` to a Hub data set or, with `append`, only the rows that it lacks; `dry` changes nothing there.

    Raises UsageError, PublishError.
    """
    if not append:
        return push(layout.publish, repo, private=not public, tag=tag, dry_run=dry)
    recipe = read_recipe(layout)
    finished = finished_rows(layout, recipe, published_ties(repo))
    if next(finished(), None) is None:
        return tag_latest(repo, tag, dry_run=dry)
    write_set(layout.append, recipe, finished)
    return push(layout.append, repo, private=not public, append=card_template(), tag=tag, dry_run=dry)
