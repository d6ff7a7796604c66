from typing import Any

import pytest

from admin_api.progress import Progress, from_checkpoint


def test_progress_is_read_from_a_checkpoint() -> None:
    checkpoint = {"v": 1, "phase": "posts", "page": 3, "posts": 250, "comments": 0, "requests": 4}
    assert from_checkpoint(checkpoint) == Progress(phase="posts", page=3, posts=250, requests=4)


@pytest.mark.parametrize(
    "checkpoint",
    [
        None,
        {},
        {"v": 99},
        {"phase": 7, "page": "x", "posts": -1, "comments": True, "requests": 1.5},
    ],
)
def test_a_checkpoint_of_another_shape_shows_no_progress(checkpoint: Any) -> None:
    assert from_checkpoint(checkpoint) == Progress()
