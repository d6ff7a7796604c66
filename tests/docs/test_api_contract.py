"""The contract of the API is a document too: a change of it rewrites the file."""

from support import admin_api, api_contract


def test_the_contract_is_that_of_the_code() -> None:
    with admin_api.opened("postgresql://nobody@127.0.0.1:1/none") as app:
        difference = api_contract.difference(admin_api.openapi_document(app))
    assert not difference, difference
