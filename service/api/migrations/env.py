"""Alembic's entry: run the steps on the connection that `service.api.migrating` hands over."""

from alembic import context

from service.api.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
