"""The document of the API: one a language, whoever asks first."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from rest_framework.test import APIClient

from common.api.document import DocumentView
from common.connections import release_connection


def _document(language: str) -> tuple[int, str]:
    try:
        response = APIClient().get("/openapi.json", HTTP_ACCEPT_LANGUAGE=language)
        return response.status_code, response.content.decode()
    finally:
        release_connection()


@pytest.mark.django_db(transaction=True)
def test_document_asked_for_by_many_at_once_is_made_once_a_language(monkeypatch):
    monkeypatch.setattr(DocumentView, "_documents", {})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(_document, ["fr", "en"] * 4))

    assert {status for status, _ in answers} == {200}
    assert len({text for _, text in answers[::2]}) == 1
    assert len({text for _, text in answers[1::2]}) == 1
    assert sorted(DocumentView._documents) == ["en", "fr"]
