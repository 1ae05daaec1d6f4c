"""Tables of methods kept as evidence."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Listed


class MethodFile(Listed):
    """A method's file in the folder of methods, with what it says of itself; never changed."""

    __tablename__ = "method_files"

    row: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    version: Mapped[int]
    method_digest: Mapped[str] = mapped_column(index=True)
    library_digest: Mapped[str]
    size: Mapped[int]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    received_at: Mapped[str]
