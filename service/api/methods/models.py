"""Method files as they go over the wire."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from ..paging import PageQuery

FileId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the method file, 64 lower-case digits.")
]


class MethodView(BaseModel):
    """A method file that is safely kept."""

    file_id: str = Field(examples=["3f" * 32])
    name: str = Field(examples=["training"])
    version: int
    method_digest: str = Field(description="As results name it in `provenance.method.digest`.")
    library_digest: str
    size: int = Field(description="Bytes of the file.")
    received_at: str


class MethodPage(BaseModel):
    """A page of method files."""

    items: list[MethodView]
    next_cursor: str | None


class MethodQuery(PageQuery):
    """Which method files."""

    method_digest: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="Only those of this method.")
