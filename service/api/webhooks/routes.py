"""Routes of webhooks."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from ..clock import utc_now
from ..etags import IfMatch, require_tag
from ..permissions import Role
from ..problems import Problem
from ..requests import Caller, Store, TheCaller, TheStore
from ..tables import Webhook
from . import repository
from .addresses import AddressPolicy, AddressRefused, Resolver
from .deliveries import signing_secrets
from .keys import SecretKeeper
from .models import (
    CreatedWebhook,
    DeliveryPage,
    DeliveryQuery,
    ReplayBody,
    ReplayView,
    SecretView,
    TestView,
    WebhookBody,
    WebhookPage,
    WebhookPatch,
    WebhookQuery,
    WebhookView,
)
from .sending import Answer, Message, Sender
from .views import etag_of, view_delivery, view_webhook

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_PING = "webhook.ping"


def the_keeper(request: Request) -> SecretKeeper:
    """Return what opens signing secrets."""
    keeper = request.app.state.keeper
    assert isinstance(keeper, SecretKeeper)
    return keeper


def the_resolver(request: Request) -> Resolver:
    """Return what finds addresses of names."""
    resolver: Resolver = request.app.state.resolver
    return resolver


TheKeeper = Annotated[SecretKeeper, Depends(the_keeper)]
TheResolver = Annotated[Resolver, Depends(the_resolver)]


@router.post("", summary="Add a webhook", status_code=201)
def create_webhook(
    body: WebhookBody,
    store: TheStore,
    caller: TheCaller,
    keeper: TheKeeper,
    resolve: TheResolver,
    response: Response,
) -> CreatedWebhook:
    """Have events sent to a URL from now on, signed by the Standard Webhooks specification.

    The secret is shown this once. Asked again, another webhook is made.
    """
    _check(store, body.url, resolve)
    with store.database.write(caller.actor) as change:
        webhook, secret = repository.add_webhook(change, caller, keeper, body)
        response.headers["ETag"] = etag_of(webhook)
        return CreatedWebhook(**view_webhook(change.session, webhook).model_dump(), secret=secret)


@router.get("", summary="List webhooks")
def list_webhooks(query: Annotated[WebhookQuery, Query()], store: TheStore, caller: TheCaller) -> WebhookPage:
    """List webhooks, oldest first: your own, or all for an admin."""
    with store.database.read() as session:
        found, after = repository.list_webhooks(session, caller, query)
        return WebhookPage(items=[view_webhook(session, one) for one in found], next_cursor=after)


@router.get("/{webhook_id}", summary="Read a webhook")
def get_webhook(webhook_id: UUID, store: TheStore, caller: TheCaller, response: Response) -> WebhookView:
    """Read a webhook with how far it is and what went wrong last."""
    with store.database.read() as session:
        webhook = _known(session, caller, webhook_id)
        response.headers["ETag"] = etag_of(webhook)
        return view_webhook(session, webhook)


@router.patch("/{webhook_id}", summary="Change a webhook")
def change_webhook(
    webhook_id: UUID,
    body: WebhookPatch,
    store: TheStore,
    caller: TheCaller,
    resolve: TheResolver,
    response: Response,
    if_match: IfMatch = None,
) -> WebhookView:
    """Change URL, kinds or description, pause, or start again where it stopped."""
    if body.url is not None:
        _check(store, body.url, resolve)
    with store.database.write(caller.actor) as change:
        webhook = _known(change.session, caller, webhook_id)
        if if_match is not None:
            require_tag(etag_of(webhook), if_match)
        repository.change_webhook(change, webhook, body)
        change.session.flush()
        response.headers["ETag"] = etag_of(webhook)
        return view_webhook(change.session, webhook)


@router.delete("/{webhook_id}", summary="Revoke a webhook")
def revoke_webhook(webhook_id: UUID, store: TheStore, caller: TheCaller) -> WebhookView:
    """Send nothing more to it, for ever. Its record stays."""
    with store.database.write(caller.actor) as change:
        webhook = _known(change.session, caller, webhook_id)
        repository.revoke_webhook(change, webhook)
        change.session.flush()
        return view_webhook(change.session, webhook)


@router.post("/{webhook_id}/test", summary="Try a webhook")
async def test_webhook(
    webhook_id: UUID, store: TheStore, caller: TheCaller, keeper: TheKeeper, resolve: TheResolver
) -> TestView:
    """Send a `webhook.ping` at once, also where the webhook is paused or disabled, and say what came."""

    def load() -> tuple[str, tuple[str, ...]]:
        with store.database.read() as session:
            webhook = _known(session, caller, webhook_id)
            repository.refuse_revoked(webhook)
            return webhook.url, signing_secrets(keeper, webhook)

    url, secrets = await run_in_threadpool(load)
    message = Message.of(f"msg_ping_{uuid4().hex}", _PING, utc_now(), f'{{"webhook_id":"{webhook_id}"}}')
    sender = Sender(store.settings, resolve)
    try:
        outcome = await sender.send(url, message, secrets)
    finally:
        await sender.aclose()
    return TestView(
        delivered=outcome.answer is Answer.TAKEN,
        message_id=message.message_id,
        status=outcome.status,
        error=outcome.error,
    )


@router.post("/{webhook_id}/secret", summary="Give a webhook a new secret")
def rotate_webhook_secret(
    webhook_id: UUID, store: TheStore, caller: TheCaller, keeper: TheKeeper
) -> SecretView:
    """Make a new secret, shown this once. For 24 hours messages carry signatures of the old and the new."""
    with store.database.write(caller.actor) as change:
        webhook = _known(change.session, caller, webhook_id)
        secret = repository.rotate_secret(change, store.settings, keeper, webhook)
        return SecretView(webhook_id=str(webhook_id), secret=secret, old_until=webhook.old_until)


@router.get("/{webhook_id}/deliveries", summary="List what was not delivered at once")
def list_webhook_deliveries(
    webhook_id: UUID, query: Annotated[DeliveryQuery, Query()], store: TheStore, caller: TheCaller
) -> DeliveryPage:
    """List events that were not taken at the first try, oldest first; `dead` ones were given up."""
    with store.database.read() as session:
        webhook = _known(session, caller, webhook_id)
        found, after = repository.list_deliveries(session, webhook, query)
        return DeliveryPage(items=[view_delivery(one) for one in found], next_cursor=after)


@router.post("/{webhook_id}/replay", summary="Send events again", status_code=202)
def replay_webhook(webhook_id: UUID, body: ReplayBody, store: TheStore, caller: TheCaller) -> ReplayView:
    """Send a stretch of events again in order, or one delivery, under the same message ids."""
    with store.database.write(caller.actor) as change:
        webhook = _known(change.session, caller, webhook_id)
        delivery = repository.replay(change, webhook, body)
        return ReplayView(
            webhook_id=str(webhook_id),
            after=body.after,
            until=body.until,
            delivery_id=None if delivery is None else delivery.delivery_id,
        )


def _check(store: Store, url: str, resolve: Resolver) -> None:
    try:
        AddressPolicy.of(store.settings).target(url, resolve)
    except AddressRefused as error:
        raise Problem("address_refused", str(error)) from error


def _known(session: Session, caller: Caller, webhook_id: UUID) -> Webhook:
    webhook = repository.find_webhook(session, str(webhook_id))
    mine = webhook is not None and (caller.role is Role.ADMIN or webhook.token_id == caller.token_id)
    if webhook is None or not mine:
        raise Problem("not_found", f"no webhook {webhook_id} of this token")
    return webhook
