"""Large JSON answers are compressed for clients that accept gzip, and only for these."""

import gzip
import json

import flask.testing

from support import admin_api


def test_a_large_list_is_small_on_the_wire_and_has_the_same_etag(
    client: flask.testing.FlaskClient,
) -> None:
    for number in range(40):
        client.post("/api/admin/jobs", json={"subreddit": f"community_{number}"})
    path = "/api/admin/jobs/rows?limit=40"
    plain = client.get(path)
    bare = flask.testing.FlaskClient(client.application, client.application.response_class)
    bare.environ_base.update(client.environ_base)
    small = bare.get(path, headers={"Accept-Encoding": "gzip, br"}, buffered=True)
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["ETag"] == plain.headers["ETag"]
    assert "Accept-Encoding" in small.headers["Vary"]
    assert json.loads(gzip.decompress(small.data)) == plain.json
    assert len(small.data) * 5 < len(plain.data)
    known = {"Accept-Encoding": "gzip", "If-None-Match": plain.headers["ETag"]}
    unchanged = client.get(path, headers=known)
    assert (unchanged.status_code, unchanged.data) == (304, b"")


def test_small_answers_errors_and_refused_encodings_stay_plain(
    client: flask.testing.FlaskClient,
) -> None:
    for path, accepted in [
        ("/api/whoami", "gzip"),
        ("/api/admin/jobs/999", "gzip"),
        ("/docs/openapi.json", "identity"),
        ("/docs/openapi.json", "gzip;q=0"),
    ]:
        answer = client.get(path, headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in answer.headers, path
    assert admin_api.TOKEN not in client.get("/api/whoami").text
