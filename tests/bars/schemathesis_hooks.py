"""What Schemathesis has to be told of media types: zip files go over the wire as they are."""

import schemathesis

schemathesis.serializer.alias("application/zip", "application/octet-stream")
