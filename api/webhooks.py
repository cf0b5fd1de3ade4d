"""Webhooks: where other systems are told what happened, and whether they were."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import ConfigDict, Field

from api.bodies import AnswerBody, RequestBody
from api.contract import problems
from api.deps import AdminCaller, ResourcesDep
from api.filters import SITE_PATTERN
from preread.webhooks import subscriptions
from preread.webhooks.addresses import LONGEST_URL
from preread.webhooks.attempts import DeliveryFailure, DeliveryState
from preread.webhooks.types import WebhookType

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

WebhookId = Annotated[str, Path(max_length=40)]
MessageId = Annotated[str, Path(max_length=80)]
Limit = Annotated[int, Query(ge=1, le=500)]

_MOST_SITES = 200


class WebhookRequest(RequestBody):
    """A new subscription; it hears of what happens from now on."""

    url: Annotated[str, Field(max_length=LONGEST_URL)] = Field(
        description="Where messages are posted to; https, and an address of the open internet, "
        "unless the settings allow others."
    )
    types: tuple[WebhookType, ...] = Field(min_length=1, max_length=len(WebhookType))
    sites: tuple[Annotated[str, Field(pattern=SITE_PATTERN)], ...] = Field(
        default=(), max_length=_MOST_SITES, description="Whose events; [] for all sites."
    )


class WebhookView(AnswerBody):
    """A subscription; `disabled_at` is null while it is in force."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    url: str
    types: tuple[WebhookType, ...]
    sites: tuple[str, ...]
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    disabled_reason: str | None


class NewWebhook(AnswerBody):
    """A new subscription with the secret that its messages are signed with, shown this once."""

    webhook: WebhookView
    secret: str


class WebhooksAnswer(AnswerBody):
    """All subscriptions that the caller may see, oldest first."""

    webhooks: tuple[WebhookView, ...]


class DeliveryView(AnswerBody):
    """One message and how far it got; `reason` is why the last attempt failed."""

    model_config = ConfigDict(from_attributes=True)

    message_id: str
    type: str
    event_seq: int | None
    study_id: str | None
    created_at: datetime
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    reason: DeliveryFailure | None
    ended_at: datetime | None


class DeliveriesAnswer(AnswerBody):
    """Messages of one subscription, newest first."""

    deliveries: tuple[DeliveryView, ...]


@router.post(
    "", status_code=status.HTTP_201_CREATED, responses=problems(400, 401, 403, 413, 422, 503)
)
def create_webhook(
    caller: AdminCaller, body: WebhookRequest, resources: ResourcesDep
) -> NewWebhook:
    """Subscribe a URL to types of events, and return the signing secret, this once.

    Messages are posted as Standard Webhooks 1.0 says (`webhook-id`, `webhook-timestamp`,
    `webhook-signature`), at least once, in order for each study. They hold types, IDs and links
    and nothing of a patient.
    """
    made, secret = subscriptions.subscribe(
        resources, url=body.url, types=body.types, sites=body.sites, by=caller
    )
    return NewWebhook(webhook=WebhookView.model_validate(made), secret=secret)


@router.get("", responses=problems(401, 403, 503))
def list_webhooks(caller: AdminCaller, resources: ResourcesDep) -> WebhooksAnswer:
    """Return all subscriptions, without their secrets."""
    found = subscriptions.list_webhooks(resources, by=caller)
    return WebhooksAnswer(webhooks=tuple(WebhookView.model_validate(one) for one in found))


@router.delete(
    "/{webhook_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404, 422, 503),
)
def delete_webhook(caller: AdminCaller, webhook_id: WebhookId, resources: ResourcesDep) -> Response:
    """Delete a subscription and everything that waits for it."""
    subscriptions.unsubscribe(resources, webhook_id, by=caller)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post("/{webhook_id}/disable", responses=problems(401, 403, 404, 422, 503))
def disable_webhook(
    caller: AdminCaller, webhook_id: WebhookId, resources: ResourcesDep
) -> WebhookView:
    """Send nothing more; what happens until it is enabled is not kept for it."""
    switched = subscriptions.switch(resources, webhook_id, on=False, by=caller)
    return WebhookView.model_validate(switched)


@router.post("/{webhook_id}/enable", responses=problems(401, 403, 404, 422, 503))
def enable_webhook(
    caller: AdminCaller, webhook_id: WebhookId, resources: ResourcesDep
) -> WebhookView:
    """Send again, what happens from now on and what waited when it was disabled."""
    switched = subscriptions.switch(resources, webhook_id, on=True, by=caller)
    return WebhookView.model_validate(switched)


@router.post(
    "/{webhook_id}/ping",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(401, 403, 404, 409, 422, 503),
)
def ping_webhook(
    caller: AdminCaller, webhook_id: WebhookId, resources: ResourcesDep
) -> DeliveryView:
    """Queue a message of the type `webhook.ping`; its delivery tells how it went."""
    return DeliveryView.model_validate(subscriptions.ping(resources, webhook_id, by=caller))


@router.get("/{webhook_id}/deliveries", responses=problems(401, 403, 404, 422, 503))
def list_deliveries(
    caller: AdminCaller,
    webhook_id: WebhookId,
    resources: ResourcesDep,
    state: DeliveryState | None = None,
    limit: Limit = 100,
) -> DeliveriesAnswer:
    """Return messages of a subscription, newest first, of one state or of all."""
    found = subscriptions.deliveries(resources, webhook_id, state=state, limit=limit, by=caller)
    return DeliveriesAnswer(deliveries=tuple(DeliveryView.model_validate(one) for one in found))


@router.post(
    "/{webhook_id}/deliveries/{message_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(401, 403, 404, 409, 422, 503),
)
def retry_delivery(
    caller: AdminCaller, webhook_id: WebhookId, message_id: MessageId, resources: ResourcesDep
) -> DeliveryView:
    """Let a dead message be tried anew, under the same ID and with all its attempts."""
    again = subscriptions.retry(resources, webhook_id, message_id, by=caller)
    return DeliveryView.model_validate(again)
