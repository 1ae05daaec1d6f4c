"""The queue of reviews, with a form to answer each."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
