"""Fill the page on which rows are reviewed."""

from pathlib import Path

from flows.reporting.html import fill


def review_page(prompts: Path, name: str) -> str:
    """Give the page; `prompts` is the folder with the templates of report and review."""
    report, own = prompts / "report", prompts / "review"
    return "".join(
        fill(
            own / "page.html",
            [report / "page.css", own / "page.css"],
            [
                *(report / f"{part}.js" for part in ("charts", "row", "theme")),
                *(own / f"{part}.js" for part in SCRIPTS),
            ],
            title=name,
        )
    )


SCRIPTS = ("server", "card", "page")
"""Files of the page's own script, in their order."""
