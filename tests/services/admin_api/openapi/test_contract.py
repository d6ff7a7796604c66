"""The OpenAPI document equals the stored contract, so that no change of the API is accidental."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import flask.testing
import marshmallow as ma
import pytest

from admin_api import resources, schemas
from admin_api.schemas import schedule_edit, webhook
from support import api_contract
from support.admin_api import openapi_document

Client = flask.testing.FlaskClient


def modules_of(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(info.name) for info in found]


SCHEMAS = modules_of(schemas)
RESOURCES = [module for module in modules_of(resources) if hasattr(module, "blueprint")]


def test_the_document_is_the_contract(offline: Client, pytestconfig: pytest.Config) -> None:
    document = openapi_document(offline.application)
    if pytestconfig.option.write_contract:
        api_contract.FILE.write_text(api_contract.as_text(document))
    difference = api_contract.difference(document)
    assert not difference, difference


@pytest.mark.parametrize("module", RESOURCES, ids=lambda module: module.__name__)
def test_every_operation_of_a_resource_is_in_the_contract(
    offline: Client, module: ModuleType
) -> None:
    lines = api_contract.FILE.read_text().splitlines()
    name = module.blueprint.name
    rules = [
        rule
        for rule in offline.application.url_map.iter_rules()
        if rule.endpoint.startswith(f"{name}.")
    ]
    assert rules
    for rule in rules:
        path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", str(rule))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert any(line.startswith(f"{method} {path} security:") for line in lines), path


def classes(module: ModuleType) -> Iterator[type[ma.Schema]]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, ma.Schema):
            yield value


@pytest.mark.parametrize("module", SCHEMAS, ids=lambda module: module.__name__)
def test_what_bodies_and_answers_hold_is_required_or_has_a_default(module: ModuleType) -> None:
    """The dictionary lists the fields without a default that a body may omit."""
    optional: dict[str, Any] = {
        "Bulk": {"job_ids", "filter", "expected_count"},
        "Politeness": {"min_request_gap_seconds", "min_crawl_gap_seconds"},
        "Toggle": {"enabled"},
    }
    optional |= dict.fromkeys(("BulkStatus", "BulkBoost"), optional["Bulk"])
    for schema in classes(module):
        if schema in (ma.Schema, schedule_edit.SchedulePatchSchema, webhook.WebhookPatchSchema):
            continue
        left_out = {
            name
            for name, field in schema().fields.items()
            if not field.required and field.load_default is ma.missing
        }
        assert left_out == optional.get(schema.__name__.removesuffix("Schema"), set()), schema
