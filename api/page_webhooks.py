"""The pages of webhooks, for administrators: make, try, stop, delete, and what did not arrive.

They ask the functions of the API, so what the API refuses the page does not do either.
"""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.deps import LiveDep, ResourcesDep, SiteAdminPageCaller
from api.filters import words_in
from api.page_sites import refused_words, sites_context
from api.templating import render
from api.webhook_lines import MOST_MESSAGES, TYPE_WORD, failure_words
from api.webhooks import (
    MessageId,
    WebhookId,
    WebhookRequest,
    create_webhook,
    delete_webhook,
    disable_webhook,
    enable_webhook,
    ping_webhook,
    retry_delivery,
)
from preread.errors import Conflict, InvalidRequest, NotAllowed, WebhookNotFound
from preread.keys import Caller
from preread.resources import Resources
from preread.webhooks import subscriptions
from preread.webhooks.addresses import LONGEST_URL
from preread.webhooks.types import WebhookType

router = APIRouter(prefix="/webhooks", include_in_schema=False)

_LIST = "/sites#destinations"
_MOST_WORDS = 5000


@router.post("")
def make_webhook(
    caller: SiteAdminPageCaller,
    request: Request,
    resources: ResourcesDep,
    live: LiveDep,
    url: Annotated[str, Form(max_length=LONGEST_URL)],
    types: Annotated[list[WebhookType], Form(default_factory=list)],
    sites: Annotated[str, Form(max_length=_MOST_WORDS)] = "",
) -> Response:
    """Subscribe a URL, and show the secret of its signatures, this once."""
    said = {"url": url.strip(), "types": types, "sites": words_in(sites)}
    try:
        made = create_webhook(caller, WebhookRequest.model_validate(said), resources)
    except (InvalidRequest, NotAllowed, ValidationError) as error:
        refused = {"refused": {**said, "sites": sites}, "message": refused_words(error)}
        context = sites_context(resources, caller, live) | refused
        return render(request, "sites.html", context, HTTPStatus.UNPROCESSABLE_ENTITY)
    context = _one(resources, caller, made.webhook.id) | {"secret": made.secret}
    return render(request, "webhook.html", context)


@router.get("")
def show_webhooks(caller: SiteAdminPageCaller) -> Response:
    """Lead to where webhooks are listed; it is what a reload after a refusal asks for."""
    del caller
    return RedirectResponse(_LIST, HTTPStatus.SEE_OTHER)


@router.get("/{webhook_id}")
def show_webhook(
    caller: SiteAdminPageCaller, webhook_id: WebhookId, request: Request, resources: ResourcesDep
) -> Response:
    """Show a webhook with its last messages."""
    return render(request, "webhook.html", _one(resources, caller, webhook_id))


@router.post("/{webhook_id}/ping")
def ping(
    caller: SiteAdminPageCaller, webhook_id: WebhookId, request: Request, resources: ResourcesDep
) -> Response:
    """Queue a test message."""
    return _taken(
        request,
        resources,
        caller,
        webhook_id,
        lambda: ping_webhook(caller, webhook_id, resources),
    )


@router.post("/{webhook_id}/disable")
def disable(
    caller: SiteAdminPageCaller, webhook_id: WebhookId, resources: ResourcesDep
) -> Response:
    """Send nothing more."""
    disable_webhook(caller, webhook_id, resources)
    return RedirectResponse(f"/webhooks/{webhook_id}", HTTPStatus.SEE_OTHER)


@router.post("/{webhook_id}/enable")
def enable(caller: SiteAdminPageCaller, webhook_id: WebhookId, resources: ResourcesDep) -> Response:
    """Send again."""
    enable_webhook(caller, webhook_id, resources)
    return RedirectResponse(f"/webhooks/{webhook_id}", HTTPStatus.SEE_OTHER)


@router.post("/{webhook_id}/delete")
def delete(caller: SiteAdminPageCaller, webhook_id: WebhookId, resources: ResourcesDep) -> Response:
    """Forget a webhook and what waits for it; a second press finds it gone, which is as well."""
    with suppress(WebhookNotFound):
        delete_webhook(caller, webhook_id, resources)
    return RedirectResponse(_LIST, HTTPStatus.SEE_OTHER)


@router.post("/{webhook_id}/messages/{message_id}/retry")
def retry(
    caller: SiteAdminPageCaller,
    webhook_id: WebhookId,
    message_id: MessageId,
    request: Request,
    resources: ResourcesDep,
) -> Response:
    """Have a message that was given up tried anew."""
    return _taken(
        request,
        resources,
        caller,
        webhook_id,
        lambda: retry_delivery(caller, webhook_id, message_id, resources),
    )


def _taken(
    request: Request,
    resources: Resources,
    caller: Caller,
    webhook_id: str,
    step: Callable[[], object],
) -> Response:
    """Take a step and show the webhook anew; what is refused is said in words."""
    try:
        step()
    except Conflict as error:
        context = _one(resources, caller, webhook_id) | {"message": str(error)}
        return render(request, "webhook.html", context, HTTPStatus.CONFLICT)
    return RedirectResponse(f"/webhooks/{webhook_id}", HTTPStatus.SEE_OTHER)


def _one(resources: Resources, caller: Caller, webhook_id: str) -> dict[str, Any]:
    webhook = subscriptions.find(resources, webhook_id, by=caller)
    found = subscriptions.deliveries(
        resources, webhook_id, state=None, limit=MOST_MESSAGES, by=caller
    )
    return {
        "caller": caller,
        "here": "/sites",
        "webhook": webhook,
        "messages": [(one, failure_words(one)) for one in found],
        "most": MOST_MESSAGES,
        "attempts_at_most": resources.settings.webhook_attempts,
        "type_words": TYPE_WORD,
        "secret": None,
        "message": None,
    }
