import multiprocessing

import pytest

from flows.errors import StoreError
from flows.store.counters import Counters


def _count(path, own):
    counters = Counters(path, rows=3, columns=2, own=own)
    for number in range(1000):
        counters.write([number + 1, own])
    counters.close()


def test_each_process_writes_its_row_and_sees_the_others(tmp_path):
    path = tmp_path / "run" / "counters"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(path, own)) for own in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    counters = Counters(path, rows=3, columns=2, own=0)
    counters.write([7, 7])
    assert counters.others() == [2000, 3]
    counters.close()


def test_a_file_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Counters(tmp_path / "file" / "counters", rows=1, columns=1, own=0)
