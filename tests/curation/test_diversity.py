import random
from collections import Counter

import pytest

from flows.curation.diversity import Sampled, task_clusters, variety


def test_distinct_runs_and_turns_of_phrase():
    found = variety(["the old bilge pump hums", "the old bilge pump drips", "an anchor"])
    assert found.texts == 3
    assert found.distinct == (round(8 / 12, 4), round(6 / 9, 4), round(4 / 6, 4))
    assert found.shared == 0.5
    assert variety([]).distinct == (0.0, 0.0, 0.0)
    assert variety(["古桥在秋天重新开放"]).distinct[0] == 1.0


@pytest.mark.parametrize(
    ("tasks", "kinds", "evenness"),
    [
        ({"Find manuals for a boat": 2, "Judge the tone of a film review": 2}, 2, 1.0),
        ({"Find manuals for a boat": 2, "Find manuals for a ship": 2}, 1, 0.0),
        ({"Find manuals for a boat": 3, "Judge the tone of a film review": 1}, 2, 0.8113),
        ({"Find manuals for a boat": 3}, 1, 0.0),
    ],
)
def test_tasks_of_one_kind_are_one_cluster(tasks, kinds, evenness):
    assert task_clusters(Counter(tasks)) == (kinds, evenness)


def test_a_sample_does_not_depend_on_the_order():
    items = [(f"row-{number}", number) for number in range(500)]
    samples = []
    for seed in (1, 2):
        random.Random(seed).shuffle(items)
        sampled = Sampled(40)
        for id_, item in items:
            sampled.add(id_, item)
        samples.append(sampled.items)
    assert samples[0] == samples[1]
    assert len(samples[0]) == 40
