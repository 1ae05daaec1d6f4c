"""Route of the integrator's page. It needs no token, no script, and loads nothing from anywhere."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs_page(request: Request) -> Response:
    """Show how to connect a parcel system."""
    return Response("")
