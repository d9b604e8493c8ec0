"""The shipped schema and the structs are one."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest

from epicenter.detectors import Analysis, analyze
from epicenter.detectors.schema import PATH, schema_json
from tests.detectors.frames import SUMMARY, windows
from tests.detectors.stories import calm, name_gone


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyze(windows(40, [*calm(0, 20), *name_gone(20, 30), *calm(30, 40)]), SUMMARY)


def test_file_and_code_agree_byte_for_byte() -> None:
    assert PATH.read_text(encoding="utf-8") == schema_json()


def test_an_analysis_validates(analysis: Analysis) -> None:
    assert analysis.incidents
    schema = json.loads(schema_json())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(msgspec.json.encode(analysis)), schema)


def test_a_wrong_kind_does_not_validate(analysis: Analysis) -> None:
    wrong = json.loads(msgspec.json.encode(analysis))
    wrong["incidents"][0]["trigger"]["kind"] = "gremlins"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(schema_json()))


def test_an_analysis_survives_the_round_trip(analysis: Analysis) -> None:
    assert msgspec.json.decode(msgspec.json.encode(analysis), type=Analysis) == analysis


def test_every_citation_leads_to_evidence(analysis: Analysis) -> None:
    (incident,) = analysis.incidents
    ids = {item.id for item in incident.evidence}
    cited = {*incident.trigger.evidence, *(e for step in incident.cascade for e in step.evidence)}
    cited |= {e for update in incident.updates for claim in update.claims for e in claim.evidence}
    assert cited
    assert cited <= ids
