"""Parse the command line, call one command, and turn its end into an exit code."""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from flows import __version__
from flows.errors import TriplesmithError

COMMANDS = {
    "run": "make a data set, or continue one",
    "curate": "curate triples made elsewhere: JSONL, CSV, Parquet, a folder, a run, a data set of the Hub",
    "plan": "say what a run would ask and cost; nothing is sent",
    "status": "say how far a run is",
    "report": "write report.html anew, or a page with two runs side by side",
    "review": "accept, reject or edit rows on a local page",
    "publish": "upload a finished run to the Hugging Face Hub",
    "export": "write a finished run in the formats that trainers and benchmarks read",
    "index": "say what an index of earlier runs holds, or build it from published data",
    "doctor": "check endpoint, Hub token and disk, and say what to do",
    "recipes": "list the recipes and check them",
    "prompts": "list the prompts and check them, or show one",
    "serve": "run the pipeline on a schedule, as a Prefect deployment",
}

COMPARED = ("task", "query", "positive", "query_positive")
"""What rows may be compared by; spelt out, as curation is slow to import."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 done, 1 failed, 2 wrong use, 3 stopped at a gate or a budget."""
    args = _parser().parse_args(argv)
    if not args.command:
        _parser().print_help()
        return 0
    # a stop that is asked for politely ends like Ctrl-C: what is finished is on disk
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(import_module(f"flows.commands.{args.command}").call(args))
    except TriplesmithError as error:
        return _end(args, error, f"triplesmith: {error}", error.exit_code)
    except KeyboardInterrupt as error:
        return _end(args, error, "triplesmith: interrupted; the same command continues the run", 130)
    except BrokenPipeError:
        # the reader of our output left; anything more to say has nobody to hear it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        words = f"triplesmith: {type(error).__name__}: {error}"
        return _end(args, error, f"{words} (this is a bug; --debug shows where)", 1)


def _end(args: argparse.Namespace, error: BaseException, words: str, code: int) -> int:
    if args.debug:
        traceback.print_exception(error)
    sys.stderr.write(" ".join(words.split()) + "\n")
    return code


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = argparse.ArgumentParser(
        prog="triplesmith",
        description="Make training data for text-embedding models with an LLM.",
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"triplesmith {__version__}")
    words = parser.add_subparsers(dest="command", metavar="COMMAND")
    parsers = {name: words.add_parser(name, help=text, parents=[common]) for name, text in COMMANDS.items()}
    for name in ("run", "plan", "serve"):
        _add_request(parsers[name])
    _add_model(parsers["doctor"])
    parsers["run"].add_argument("--record", metavar="PATH", help="record every reply, for --llm replay:PATH")
    for name in ("run", "serve", "curate"):
        _add_publish(parsers[name])
        parsers[name].add_argument(
            "--index", metavar="DIR", help="drop twins of earlier runs' rows, and add this run's"
        )
    _add_index(parsers["index"])
    _add_curate(parsers["curate"])
    parsers["publish"].add_argument("run", metavar="RUN", help="run folder")
    parsers["publish"].add_argument("repo", metavar="USER/NAME", help="Hub data set to upload to")
    parsers["publish"].add_argument("--tag", metavar="NAME", help="tag of the commit; run-<digest of the data> else")
    _add_public(parsers["publish"])
    parsers["publish"].add_argument("--dry-run", action="store_true", help="print what the commit would hold")
    _add_export(parsers["export"])
    parsers["status"].add_argument("run", metavar="RUN", help="run folder")
    parsers["report"].add_argument("run", metavar="RUN", help="run folder")
    parsers["report"].add_argument("--compare", metavar="OTHER_RUN", help="set a second run beside it")
    parsers["report"].add_argument("--open", action="store_true", help="open the page in the browser")
    parsers["review"].add_argument("run", metavar="RUN", help="run folder")
    parsers["review"].add_argument("--no-open", dest="open", action="store_false", help="only print the address")
    parsers["review"].add_argument("--port", type=int, default=0, metavar="N", help="port, default any free one")
    parsers["prompts"].add_argument("name", nargs="?", help="prompt to show")
    parsers["serve"].add_argument("--cron", default="0 2 * * *", help="when to run, default every night at two")
    return parser


def _add_request(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", default="quickstart", help="recipe name or .toml file")
    parser.add_argument("--out", metavar="DIR", help="run folder, default outputs/<recipe>")
    parser.add_argument("--rows", type=_positive, metavar="N", help="accepted rows to make")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of every draw")
    _add_changes(parser)
    parser.add_argument("--max-requests", type=_positive, metavar="N", help="stop after N answered requests")
    parser.add_argument("--max-tokens", type=_positive, metavar="N", help="stop after N tokens, read and written")
    parser.add_argument(
        "--max-cost", type=float, metavar="USD", help="stop at so many US dollars, by the recipe's prices"
    )
    _add_model(parser)


def _add_curate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="file, folder, run folder, or USER/NAME of the Hub")
    parser.add_argument("--out", metavar="DIR", help="run folder, default outputs/<name>-curated")
    parser.add_argument("--recipe", default="curate", help="recipe name or .toml file whose thresholds count")
    _add_changes(parser)
    parser.add_argument("--config", metavar="NAME", help="config of the data set")
    parser.add_argument("--split", metavar="NAME", help="split of the data set, default train")
    parser.add_argument("--columns", default="", metavar="ROLE=COLUMN,…", help="columns by role, default found out")
    parser.add_argument("--scores", default="", metavar="LEAST..MOST", help="range of graded pairs, default found out")
    parser.add_argument("--family", default="", metavar="NAME", help="family of rows that name none")
    parser.add_argument("--language", default="", metavar="CODE", help="language of all rows, default found out")


def _add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--benchmark", action="append", default=[], metavar="PATH", help="benchmark whose texts no row may hold"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--llm",
        help="replay, replay:PATH, URLs of OpenAI-compatible servers (…/v1) with commas, "
        "serve:MODEL to start a vLLM server, vllm:MODEL for its engine in this process, "
        "batch:URL for a server's Batch API, or batch for batch files that you run yourself",
    )
    parser.add_argument("--model", metavar="M", help="model name at that server")


def _add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--publish", metavar="USER/NAME", help="upload to this Hub data set when all rows are there")
    _add_public(parser)


def _add_public(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--public", action="store_true", help="create it public; private is the default")
    parser.add_argument("--append", action="store_true", help="add to what is there; replacing it is the default")


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("index", metavar="DIR", help="folder of the index")
    parser.add_argument(
        "--from", dest="sources", nargs="+", metavar="SOURCE", help="build it anew from runs, data sets, Parquet files"
    )
    parser.add_argument(
        "--compare", nargs="+", choices=COMPARED, help="what of rows to hold, by default what it held or task and query"
    )
    parser.add_argument(
        "--encoder", metavar="NAME", help="hold the vectors too that it gives what is compared, by default as it held"
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("--format", nargs="+", action="extend", metavar="NAME", help="formats; without it, list them")
    parser.add_argument("--out", metavar="DIR", help="a folder for each format is made in it, default RUN/export")
    parser.add_argument(
        "--negatives", type=_positive, default=1, metavar="N", help="hard negatives of a line, default 1"
    )
    parser.add_argument("--scorer", metavar="NAME", help="whose scores to write; `requested` is the grade asked for")
    parser.add_argument("--instructions", default="bare", metavar="STYLE", help="write them into the texts: see README")
    parser.add_argument("--by-family", action="store_true", help="Parquet: every family a config of its own")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
