"""Routes of audit."""

from fastapi import APIRouter

from ..requests import TheCaller, TheStore
from .models import HeadView

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("/head", summary="Read the newest signed head of the chain", response_model_exclude_unset=True)
def get_audit_head(store: TheStore, caller: TheCaller) -> HeadView:
    """Return where the chain stands now, signed: a copy proves later that nothing before it was altered."""
    return HeadView.of(store.heads.newest())
