"""Which texts and numbers of a JSON body the API takes."""

import pytest

from admin_api.http.problems import Problem
from admin_api.http.request import json_bounds
from admin_api.http.request.json_values import parsed_json


def refusal(body: bytes, values_max: int = 500) -> Problem:
    with pytest.raises(Problem) as refused:
        parsed_json(body, values_max)
    return refused.value


@pytest.mark.parametrize("text", ["\ud800", "\udbff", "\udc00", "\udfff", "ab\ud9abc"])
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    body = b'{"a": [{"b": "%s"}]}' % text.encode("ascii", "backslashreplace")
    problem = refusal(body)
    assert problem.code == "invalid_request"
    (error,) = problem.fields
    assert (error.pointer, error.detail) == ("/a/0/b", "holds half of a surrogate pair")


@pytest.mark.parametrize("text", ["\ud7ff", "\ue000", "\U0001f600", "é"])
def test_other_characters_are_taken(text: str) -> None:
    escaped = text.encode("utf-16-be")
    pairs = [escaped[n : n + 2].hex() for n in range(0, len(escaped), 2)]
    body = '{"a": "' + "".join(f"\\u{pair}" for pair in pairs) + '"}'
    assert parsed_json(body.encode(), 500) == {"a": text}
    assert parsed_json(f'{{"a": "{text}"}}'.encode(), 500) == {"a": text}


def test_a_control_character_in_a_name_and_in_a_list_is_refused() -> None:
    errors = refusal(b'{"a\\u0007": 1, "b": ["x", "y\\u001b"]}').fields
    assert sorted((error.pointer, error.detail) for error in errors) == [
        ("", "holds a control character"),
        ("/b/1", "holds a control character"),
    ]


@pytest.mark.parametrize("number", ["9" * 64, "-" + "9" * 63, "0." + "1" * 62])
def test_a_number_may_have_64_characters(number: str) -> None:
    (taken,) = parsed_json(f"[{number}]".encode(), 500)
    assert taken == (float(number) if "." in number else int(number))
    problem = refusal(f"[{number}1]".encode())
    assert (problem.code, problem.detail) == (
        "invalid_json",
        "a number has more than 64 characters",
    )


@pytest.mark.parametrize("body", [b"1e999", b"-1e999", b"NaN", b"Infinity", b'{"a":1,"a":1}'])
def test_values_without_one_meaning_are_refused(body: bytes) -> None:
    assert refusal(body).code == "invalid_json"


def test_500_values_pass_and_501_do_not() -> None:
    json_bounds.check(b"[%s]" % b",".join([b"1"] * 499), 500)
    with pytest.raises(json_bounds.TooManyValues, match="more than 500 values"):
        json_bounds.check(b"[%s]" % b",".join([b"1"] * 500), 500)


def test_lists_in_each_other_count_once_each() -> None:
    group = b"[" * 15 + b"]" * 15
    json_bounds.check(b"[%s]" % b",".join([group] * 30), 500)
    with pytest.raises(json_bounds.TooManyValues):
        json_bounds.check(b"[%s]" % b",".join([group] * 34), 500)


def test_a_list_in_16_levels_passes_and_one_in_17_does_not() -> None:
    beside = "[[]]," * 50
    json_bounds.check(f"[{beside}{'[' * 15}{']' * 15}]".encode(), 10_000)
    with pytest.raises(ValueError, match="more than 16 levels"):
        json_bounds.check(f"[{beside}{'[' * 16}{']' * 16}]".encode(), 10_000)
