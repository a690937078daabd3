"""What a commit has to change so that a repository holds a data set."""

from collections.abc import Collection, Mapping
from pathlib import Path

from flows.errors import PublishError, UsageError
from flows.publishing.card import REPO, CardFacts, render_card
from flows.publishing.facts import CARD, FACTS, add_facts, dump_facts, load_facts
from flows.publishing.hub_repo import Content, Head, HubRepo, same
from flows.publishing.merge import merge_card
from flows.publishing.ties import FILE as TIES
from flows.publishing.ties import Known, read_ties

Files = Mapping[str, Path]
"""Path in the repository -> file."""


def folder_files(folder: Path) -> dict[str, Path]:
    """List what is to be published; raises UsageError when the folder holds no finished data set."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if CARD not in found:
        raise UsageError(f"{folder}: there is no finished data set here (no {CARD}): run the recipe first")
    return found


def replacing(files: Files, head: Head, repo: HubRepo) -> dict[str, Content]:
    """Put the files in place of all that our configs hold; files of other folders stay."""
    earlier = _earlier_configs(head, repo)
    card = _merged(files[CARD].read_text(encoding="utf-8"), head, repo, earlier)
    changes = _unlike({**files, CARD: card}, head)
    ours = {path.rpartition("/")[0] for path in files if "/" in path} | {f"data/{name}" for name in earlier}
    stale = (path for path in sorted(head.files) if path not in files and path.rpartition("/")[0] in ours)
    return changes | dict.fromkeys(stale)


def growing(files: Files, head: Head, repo: HubRepo, template: str) -> dict[str, Content]:
    """Add the data files to those that are there, and render the card from the facts of all runs.

    The new files carry the digest of their run in the name, so that none is overwritten; a run that is there already
    changes nothing. Raises UsageError when the repository's data came from elsewhere, PublishError when it holds what
    the files have in another split.
    """
    ours = load_facts(_needed(files, FACTS).read_bytes())
    facts = ours
    if theirs := _facts(head, repo):
        if set(ours.runs) <= set(theirs.runs):
            return {}
        facts = add_facts(theirs, ours)
    if leaks := known_ties(head, repo).leaks(read_ties([_needed(files, TIES).read_bytes()])):
        raise PublishError(
            f"{repo.repo_id}: holds {leaks} tasks or texts of these rows in another split, since others published "
            "meanwhile: publish again"
        )
    run = ours.runs[-1]
    grown = ("data/", f"{TIES.partition('/')[0]}/")
    added: dict[str, Path | bytes] = {
        _with_run(path, run): file for path, file in files.items() if path.startswith(grown)
    }
    added[FACTS] = dump_facts(facts)
    added[CARD] = _merged(render_card(facts, template), head, repo)
    return _unlike(added, head)


def known_ties(head: Head, repo: HubRepo) -> Known:
    """Read what a set has in which split; raises UsageError when its data came from elsewhere, PublishError."""
    paths = sorted(path for path in head.files if path.startswith(f"{TIES.partition('/')[0]}/"))
    if not paths and any(path.startswith("data/") for path in head.files):
        raise UsageError(f"{repo.repo_id}: its data was not published by triplesmith, so it cannot grow")
    try:
        return read_ties(repo.read_bytes(path, head.oid) for path in paths if head.oid)
    except ValueError as error:
        raise PublishError(f"{repo.repo_id}: {error}: restore an earlier state of its folder ties/") from None


def latest_run(changes: Mapping[str, Content], head: Head, repo: HubRepo) -> str:
    """Give the digest of the newest data that a repository holds once the changes are made."""
    content = changes.get(FACTS)
    if content is None:
        assert head.oid is not None
        content = repo.read_bytes(FACTS, head.oid)
    return load_facts(content if isinstance(content, bytes) else content.read_bytes()).runs[-1]


def _needed(files: Files, name: str) -> Path:
    if name not in files:
        raise UsageError(f"{name} is missing beside the card: publish the run again with this version of triplesmith")
    return files[name]


def _facts(head: Head, repo: HubRepo) -> CardFacts | None:
    """Read the repository's facts; None when it holds no data."""
    if head.oid is None or not any(path.startswith("data/") for path in head.files):
        return None
    if FACTS not in head.files:
        raise UsageError(f"{repo.repo_id}: its data was not published by triplesmith, so it cannot grow")
    try:
        return load_facts(repo.read(FACTS, head.oid))
    except (ValueError, KeyError, TypeError) as error:
        raise PublishError(f"{repo.repo_id}: its {FACTS} cannot be read ({error}): restore an earlier one") from None


def _earlier_configs(head: Head, repo: HubRepo) -> list[str]:
    """Name the configs that the repository's facts tell of; none when they cannot be read, for they are replaced."""
    if head.oid is None or FACTS not in head.files:
        return []
    try:
        return [config.name for config in load_facts(repo.read(FACTS, head.oid)).written]
    except (ValueError, KeyError, TypeError):
        return []


def _merged(card: str, head: Head, repo: HubRepo, earlier: Collection[str] = ()) -> bytes:
    theirs = repo.read(CARD, head.oid) if head.oid and CARD in head.files else None
    return merge_card(theirs, card.replace(REPO, repo.repo_id), earlier).encode()


def _unlike(wanted: Mapping[str, Path | bytes], head: Head) -> dict[str, Content]:
    """Leave out what the repository has already."""
    return {
        path: content
        for path, content in wanted.items()
        if path not in head.files or not same(content, head.files[path])
    }


def _with_run(path: str, run: str) -> str:
    """Turn `data/pair/train-00000-of-00001.parquet` into `data/pair/train-<run>-00000-of-00001.parquet`."""
    folder, _, name = path.rpartition("/")
    split, _, rest = name.partition("-")
    return f"{folder}/{split}-{run}-{rest}"
